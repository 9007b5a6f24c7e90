import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Report } from '@lameduck/core'

export interface ServiceOptions {
  readonly file: string
  readonly env: Readonly<Record<string, string>>
  /** Of Node, before the file. */
  readonly nodeArguments?: readonly string[]
  readonly graceMs: number
  /** Done in the moment of the signal, or around it. */
  readonly around?: Around
  /** Done when the process has ended, before `stop` resolves. */
  readonly afterwards?: () => Promise<void>
}

/** What happens around the signal, which `send` sends, until the process has ended. */
export type Around = (send: () => void, ended: Promise<void>) => Promise<void>

/** A service as a process of its own. */
export interface RunningService {
  /** What it said with its `ready`; 0 where it serves nothing. */
  readonly port: number
  readonly stdout: readonly string[]
  readonly stderr: readonly string[]
  /** Resolves when `times` lines of stdout begin with the text or match the pattern, with the last of these; rejects when the process ends before. */
  saw(what: string | RegExp, times?: number): Promise<string>
  /** What stood behind the text in the lines that begin with it. */
  said(what: string): string[]
  /** Sends SIGTERM, and resolves when the process is gone. It is killed at the end of the grace period. */
  stop(): Promise<void>
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>
  readonly ending: { readonly code: number | null; readonly signal: NodeJS.Signals | null } | undefined
  /** From the signal to the end, in ms. */
  readonly tookMs: number
  /** What it wrote on stdout before its stop began, or altogether where none did. */
  readonly beforeStop: readonly string[]
  readonly report: Report | undefined
  readonly pid: number
  kill(): Promise<void>
}

const preload = fileURLToPath(new URL('../../programs/preload.mjs', import.meta.url))
const readyLimitMs = 25_000

/** Starts it, and resolves when it says `ready` and perhaps a port. */
export async function startService({ file, env, nodeArguments = [], graceMs, around = async (send) => send(), afterwards = async () => {} }: ServiceOptions): Promise<RunningService> {
  const child = spawn(process.execPath, ['--import', preload, ...nodeArguments, file], { env: { PATH: process.env['PATH'], ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const waiting = new Set<() => void>()
  const look = (): void => waiting.forEach((each) => each())
  const stdout = linesOf(child.stdout, look)
  const stderr = linesOf(child.stderr, look)
  let ending: RunningService['ending']
  let port = 0
  let signalledAt: number | undefined
  let endedAt = 0
  const ended = (async () => {
    const closed = once(child, 'close')
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
    endedAt = performance.now()
    // What it has started may hold the pipes.
    await Promise.race([closed, delay(1_000, undefined, { ref: false })])
    ending = { code, signal }
    look()
  })()

  const service: RunningService = {
    get port() {
      return port
    },
    stdout,
    stderr,
    saw,
    said: (what) => stdout.filter((line) => line.startsWith(`${what} `)).map((line) => line.slice(what.length + 1)),
    stop,
    ended,
    get ending() {
      return ending
    },
    get tookMs() {
      return endedAt - (signalledAt ?? endedAt)
    },
    get beforeStop() {
      const begun = stdout.indexOf('(the stop begins)')
      return begun < 0 ? stdout : stdout.slice(0, begun)
    },
    get report() {
      const line = stdout.findLast((text) => text.startsWith('{"lameduck":"report"'))
      return line === undefined ? undefined : (JSON.parse(line) as Report)
    },
    pid: child.pid ?? 0,
    async kill() {
      if (ending === undefined) child.kill('SIGKILL')
      await ended
    },
  }
  const tooLate = setTimeout(() => child.kill('SIGKILL'), readyLimitMs)
  try {
    port = Number(/\d+/.exec(await saw(/^ready\b/))?.[0] ?? 0)
  } finally {
    clearTimeout(tooLate)
  }
  return service

  function saw(what: string | RegExp, times: number = 1): Promise<string> {
    const isMeant = typeof what === 'string' ? (line: string) => line.startsWith(what) : (line: string) => what.test(line)
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const found = stdout.filter(isMeant)
        if (found.length >= times) resolve(found[times - 1] ?? '')
        else if (ending !== undefined) reject(new Error(`it ended (${ending.code ?? ending.signal}) before it had said ${String(what)} ${times} times:\n${[...stdout, ...stderr].join('\n')}`))
        else return
        waiting.delete(check)
      }
      waiting.add(check)
      check()
    })
  }

  async function stop(): Promise<void> {
    let killing: NodeJS.Timeout | undefined
    await around(() => {
      signalledAt = performance.now()
      child.kill('SIGTERM')
      killing = setTimeout(() => child.kill('SIGKILL'), graceMs)
    }, ended)
    await ended
    clearTimeout(killing)
    await afterwards()
  }
}

function linesOf(stream: NodeJS.ReadableStream, onLines: () => void): string[] {
  const lines: string[] = []
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
    onLines()
  })
  stream.on('end', () => {
    if (rest !== '') lines.push(rest)
    onLines()
  })
  return lines
}
