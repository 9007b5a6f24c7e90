import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Report } from '@lameduck/core'

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: readonly string[]
  readonly stderr: string
  /** The report line, where one was printed. */
  readonly report: Report | undefined
  /** From the first `ready` to the end, in ms. */
  readonly leftAfterMs: number
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv
  /** Options of node itself. */
  readonly nodeOptions?: readonly string[]
  /** What to do when a line is printed. */
  readonly on?: Readonly<Record<string, (child: ChildProcess) => void>>
}

/** Runs a compiled program to its end. One that does not end is killed after a minute. */
export async function runProgram(path: string, { env = {}, nodeOptions = [], on = {} }: RunOptions = {}): Promise<Ended> {
  const child = spawn(process.execPath, [...nodeOptions, path], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env }, timeout: 60_000, killSignal: 'SIGKILL' })
  const stdout: string[] = []
  let stderr = ''
  let readyAt = Number.NaN
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  createInterface({ input: child.stdout }).on('line', (line) => {
    stdout.push(line)
    if (line === 'ready') readyAt = performance.now()
    on[line]?.(child)
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  const line = stdout.find((each) => each.startsWith('{"lameduck":"report"'))
  return { code, signal, stdout, stderr, report: line === undefined ? undefined : (JSON.parse(line) as Report), leftAfterMs: performance.now() - readyAt }
}
