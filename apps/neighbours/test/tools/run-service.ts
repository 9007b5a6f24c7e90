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
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv
  /** What to do when a line begins with one of these words; it is given the rest of the line. */
  readonly on?: Readonly<Record<string, (child: ChildProcess, rest: string) => unknown>>
}

/** Runs a command to its end; one that does not end is killed after half a minute. A test runner's environment is kept from it. */
export async function runService([command = '', ...parameters]: readonly string[], { env = {}, on = {} }: RunOptions = {}): Promise<Ended> {
  const { VITEST: _vitest, NODE_ENV: _env, ...inherited } = process.env
  const child = spawn(command, parameters, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...inherited, ...env }, timeout: 30_000, killSignal: 'SIGKILL' })
  const stdout: string[] = []
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  createInterface({ input: child.stdout }).on('line', (line) => {
    stdout.push(line)
    const [word = '', ...rest] = line.split(' ')
    on[word]?.(child, rest.join(' '))
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  const line = stdout.find((each) => each.startsWith('{"lameduck":"report"'))
  return { code, signal, stdout, stderr, report: line === undefined ? undefined : (JSON.parse(line) as Report) }
}
