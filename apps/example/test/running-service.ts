import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { once } from 'node:events'
import type { Report } from '@lameduck/core'
import { startCommand, type Variant } from '../dist/index.js'

/** One variant of the service as a process of its own, from `dist`. */
export interface RunningService {
  readonly url: string
  readonly probeUrl: string
  readonly lines: readonly string[]
  readonly stderr: () => string
  /** Resolves with the exit. */
  readonly exit: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  kill(signal: NodeJS.Signals): void
  /** The report, once the process has written it. */
  report(): Report
}

const running = new Set<() => Promise<unknown>>()

/** Ends what a failed test left behind, by pid. */
export async function killLeftovers(): Promise<void> {
  await Promise.all([...running].map((kill) => kill()))
}

/** Spawns a variant; `ready` resolves when it says so, and rejects with its output when it exits before. */
export async function spawnService(variant: Variant | readonly string[], env: Record<string, string>): Promise<RunningService & { readonly ready: Promise<void> }> {
  const command = 'framework' in variant ? startCommand(variant) : variant
  const ports = { PORT: String(await freePort()), PROBE_PORT: String(await freePort()), ...env }
  const child = spawn(command[0]!, command.slice(1), { env: { PATH: process.env['PATH'], ...ports }, stdio: ['ignore', 'pipe', 'pipe'] })
  const lines: string[] = []
  let stdout = ''
  let stderr = ''
  let becomeReady: () => void = () => {}
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (stdout + chunk).split('\n')
    stdout = parts.pop() ?? ''
    lines.push(...parts)
    if (parts.some((line) => line.startsWith('orders: ready'))) becomeReady()
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk))
  const exit = once(child, 'close').then(([code, signal]) => ({ code: code as number | null, signal: signal as NodeJS.Signals | null }))
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exit
  }
  running.add(kill)
  void exit.then(() => running.delete(kill))
  const ready = Promise.race([
    new Promise<void>((resolve) => (becomeReady = resolve)),
    exit.then(({ code, signal }) => Promise.reject(new Error(`exited with ${code ?? signal} before it was ready:\n${lines.join('\n')}\n${stderr}`))),
  ])
  // Only some tests wait for it.
  ready.catch(() => {})
  return {
    url: `http://127.0.0.1:${ports.PORT}`,
    probeUrl: `http://127.0.0.1:${ports.PROBE_PORT}`,
    lines,
    stderr: () => stderr,
    ready,
    exit,
    kill: (signal) => child.kill(signal),
    report() {
      const line = lines.find((text) => text.startsWith('{"lameduck":"report"'))
      if (line === undefined) throw new Error(`there is no report in:\n${lines.join('\n')}\n${stderr}`)
      return JSON.parse(line) as Report
    },
  }
}

/** A port of 127.0.0.1 that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}
