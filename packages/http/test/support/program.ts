import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Report } from '@lameduck/core'
import { onTestFinished } from 'vitest'

export interface Program {
  readonly child: ChildProcess
  readonly lines: readonly string[]
  /** Resolves with the first line that matches, also one that was printed before; rejects when the program ends without it. */
  line(pattern: RegExp): Promise<RegExpExecArray>
  readonly ended: Promise<Ended>
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stderr: string
  /** The report line, where one was printed. */
  readonly report: Report | undefined
}

/** Runs one of `test/programs` on the Node that runs the tests; it uses the packages as a service does, from what the last build left. */
export function startProgram(name: string, ...parameters: readonly (string | number)[]): Program {
  const path = fileURLToPath(new URL(`../programs/${name}.mjs`, import.meta.url))
  const child = spawn(process.execPath, [path, ...parameters.map(String)], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, KUBERNETES_SERVICE_HOST: undefined },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  child.stdin.on('error', () => {})
  const lines: string[] = []
  const checks = new Set<() => void>()
  let stderr = ''
  let over = false
  const check = (): void => {
    for (const one of checks) one()
  }
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    check()
  })
  const ended = once(child, 'close').then(([code, signal]: (number | NodeJS.Signals | null)[]) => {
    over = true
    check()
    const report = lines.find((line) => line.startsWith('{"lameduck":"report"'))
    return { code, signal, stderr, report: report === undefined ? undefined : JSON.parse(report) } as Ended
  })
  return {
    child,
    lines,
    ended,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = lines.map((line) => pattern.exec(line)).find((found) => found !== null)
          if (!match && !over) return
          checks.delete(look)
          if (match) resolve(match)
          else reject(new Error(`the program ended without a line ${String(pattern)}; it printed: ${lines.join(' | ')} ${stderr}`))
        }
        checks.add(look)
        look()
      }),
  }
}
