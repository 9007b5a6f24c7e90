import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Report } from '../../src/lib/report/report.ts'
import type { NodeUnderTest } from './nodes.ts'

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: readonly string[]
  readonly stderr: string
  /** The report line, where one was printed. */
  readonly report: Report | undefined
}

export interface RunOptions {
  /** Before the program: options of node itself. */
  readonly nodeOptions?: readonly string[]
  /** Behind the program. */
  readonly parameters?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** What to do when a line is printed, each time that it is. */
  readonly on?: Readonly<Record<string, (child: ChildProcess) => void>>
  /** Put in front of node: `['unshare', '--pid', …]`. */
  readonly wrapper?: readonly string[]
}

/** Absolute path of a program of the tests. They import `@lameduck/core` as a service does, from what the last build left. */
export function programPath(program: string): string {
  return fileURLToPath(new URL(`../programs/${program}.mjs`, import.meta.url))
}

/** Runs a program to its end. Whatever it has to wait for is a line that it prints. */
export async function runProgram(node: NodeUnderTest, program: string, options: RunOptions = {}): Promise<Ended> {
  const { nodeOptions = [], parameters = [], env = {}, on = {}, wrapper = [] } = options
  const [file, ...rest] = [...wrapper, node.path, ...nodeOptions, programPath(program), ...parameters]
  const child = spawn(file as string, rest, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  // A program that has gone reads no more.
  child.stdin.on('error', () => {})
  const stdout: string[] = []
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  createInterface({ input: child.stdout }).on('line', (line) => {
    stdout.push(line)
    on[line]?.(child)
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  const line = stdout.find((each) => each.startsWith('{"lameduck":"report"'))
  return { code, signal, stdout, stderr, report: line === undefined ? undefined : (JSON.parse(line) as Report) }
}

/** Sends SIGTERM; for `on`. */
export function term(child: ChildProcess): void {
  child.kill('SIGTERM')
}

/** `name outcome` of every step, in the order in which they finished. */
export function outcomes(report: Report | undefined): string[] {
  return (report?.steps ?? []).map((step) => `${step.name} ${step.outcome}`)
}
