import { EventEmitter } from 'node:events'
import { constants } from 'node:os'
import { Writable } from 'node:stream'
import { describeError } from '../describe-value.ts'
import type { ProcessLike } from '../process/process-like.ts'

type Listener = (...parameters: unknown[]) => void

export interface FakeProcessOptions {
  /** Whether stdin, stdout and stderr are a terminal, on which Ctrl-C is a person. @default false */
  readonly terminal?: boolean
  /** @default {} */
  readonly env?: NodeJS.ProcessEnv
  /** @default 7, with 1 as the parent: an ordinary process of a container with an init in front */
  readonly pid?: number
  /** @default 1 */
  readonly ppid?: number
  /** A parent that listens: `send` is there, and keeps what it is given in `sent`. @default false */
  readonly ipc?: boolean
}

/** Stands in for `process` where {@link ProcessLike} is asked for: nothing is listened to, printed or ended in the real one. */
export interface FakeProcess extends ProcessLike {
  readonly env: NodeJS.ProcessEnv
  readonly pid: number
  readonly ppid: number
  /** What the service has set, and the exit code once it has exited. */
  exitCode?: number | string | null | undefined
  /** Resolves with the exit code. What is still running does not know of it, so look at the rest of the world after this. */
  readonly exited: Promise<number>
  /** What was written to the streams, as text. */
  readonly stdoutText: string
  readonly stderrText: string
  /** What was sent to the parent. */
  readonly sent: readonly unknown[]
  on(event: string, listener: Listener): unknown
  prependListener(event: string, listener: Listener): unknown
  once(event: string, listener: Listener): unknown
  off(event: string, listener: Listener): unknown
  removeListener(event: string, listener: Listener): unknown
  listeners(event: string): Listener[]
  rawListeners(event: string): Listener[]
  listenerCount(event: string): number
  /** Anything that has no method of its own: `beforeExit`, `message`, `disconnect`. */
  emit(event: string, ...parameters: unknown[]): boolean
  /** Delivers a signal. Without a listener it ends the process with 128 + its number, as the system would. */
  signal(signal: NodeJS.Signals): void
  /** Throws where nobody catches. Without a listener it is printed and ends the process with 1, as Node would. */
  throwUncaught(error: unknown, origin?: 'uncaughtException' | 'unhandledRejection'): void
}

/** Makes a process for `bindProcess(lifecycle, { process, clock })`. */
export function createFakeProcess({ terminal = false, env = {}, pid = 7, ppid = 1, ipc = false }: FakeProcessOptions = {}): FakeProcess {
  const emitter = new EventEmitter()
  const stdout = createStream(terminal)
  const stderr = createStream(terminal)
  const sent: unknown[] = []
  let hasExited = false
  let resolveExited: (code: number) => void
  const exited = new Promise<number>((resolve) => (resolveExited = resolve))

  const fake: FakeProcess = {
    exitCode: undefined,
    env,
    pid,
    ppid,
    stdin: { isTTY: terminal },
    stdout,
    stderr,
    sent,
    exited,
    get stdoutText() {
      return stdout.text()
    },
    get stderrText() {
      return stderr.text()
    },
    on: (event, listener) => emitter.on(event, listener),
    prependListener: (event, listener) => emitter.prependListener(event, listener),
    once: (event, listener) => emitter.once(event, listener),
    off: (event, listener) => emitter.off(event, listener),
    removeListener: (event, listener) => emitter.off(event, listener),
    listeners: (event) => emitter.listeners(event) as Listener[],
    rawListeners: (event) => emitter.rawListeners(event) as Listener[],
    listenerCount: (event) => emitter.listenerCount(event),
    emit: (event, ...parameters) => emitter.emit(event, ...parameters),
    ...(ipc ? { send: (message: unknown) => void sent.push(message) } : {}),
    exit,
    signal(signal) {
      requireAlive(signal)
      if (!emitter.emit(signal, signal, constants.signals[signal])) exit(128 + constants.signals[signal])
    },
    throwUncaught(error, origin = 'uncaughtException') {
      requireAlive(origin)
      if (emitter.emit('uncaughtException', error, origin)) return
      stderr.write(`Uncaught ${error instanceof Error ? (error.stack ?? describeError(error)) : describeError(error)}\n`)
      exit(1)
    },
  }
  return fake

  /** Only the first one counts: from a real one nothing returns. */
  function exit(code: number = Number(fake.exitCode ?? 0)): void {
    if (hasExited) return
    hasExited = true
    fake.exitCode = code
    emitter.emit('exit', code)
    resolveExited(Number(fake.exitCode))
  }

  function requireAlive(what: string): void {
    if (hasExited) throw new Error(`the fake process has exited with ${fake.exitCode} before the ${what}`)
  }
}

interface FakeStream extends Writable {
  readonly isTTY: boolean
  text(): string
}

function createStream(isTTY: boolean): FakeStream {
  let text = ''
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      text += chunk.toString()
      done()
    },
  })
  return Object.assign(stream, { isTTY, text: () => text })
}
