import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Report } from '@lameduck/core'
import { onTestFinished } from 'vitest'

export interface Service {
  readonly lines: readonly string[]
  /** Resolves at the first line that fits. */
  printed(line: RegExp): Promise<void>
  terminate(): void
  /** How it ended, and its report. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null; readonly report: Report | undefined; readonly stderr: string }>
}

/** Runs a program of its own process, on the built packages. */
export function runService(file: string, env: Readonly<Record<string, string>>): Service {
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env, KUBERNETES_SERVICE_HOST: undefined } })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const output = createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  const ended = once(child, 'close').then(([code, signal]) => {
    const line = lines.find((each) => each.startsWith('{"lameduck":"report"'))
    return { code: code as number | null, signal: signal as NodeJS.Signals | null, report: line === undefined ? undefined : (JSON.parse(line) as Report), stderr }
  })
  return {
    lines,
    async printed(wanted) {
      while (!lines.some((line) => wanted.test(line))) {
        await Promise.race([once(output, 'line'), ended.then(({ stderr: why }) => Promise.reject(new Error(`the service ended: ${why}`)))])
      }
    },
    terminate: () => void child.kill('SIGTERM'),
    ended,
  }
}
