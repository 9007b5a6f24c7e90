import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import type { Worker } from 'node:worker_threads'
import { describeError } from '../describe-value.ts'
import { anotherNode } from '../process/another-node.ts'
import { endAnyhow } from './end-anyhow.ts'
import { watchdogThread, type SignalSeen, type WatchdogOrder, type WatchdogThreadData } from './watchdog-thread.ts'
import { writeTerminationMessage } from './write-termination-message.ts'

export interface WatchdogOptions {
  /** Ends the process with this code, from 0 to 255. */
  readonly exitCode: number
  /**
   * The signals that begin a stop. The main thread must listen to them as well: the thread listens to them where it
   * can, and a signal that anybody listens to no longer ends the process by itself.
   */
  readonly signals: readonly NodeJS.Signals[]
  /**
   * From such a signal until the watchdog must act, in ms, when the main thread never got to see it; at least 500 ms pass, and what
   * the main thread arms it with counts instead.
   */
  readonly signalBudgetMs: number
  /** How long after it has passed a deadline of `expectSignal` is still believed, in ms. */
  readonly forgetMs: number
  /** An existing file for the termination message, if anybody wants one; where it is missing nothing is written. */
  readonly terminationMessagePath: string | undefined
  /** Called on the main thread when a signal came `agoMs` ago (50 or more) and the blocked loop could not handle it: the deadline counts from then. */
  readonly onSignalSeen: (signal: NodeJS.Signals, agoMs: number) => void
  /** Called at most once, perhaps before `startWatchdog` returns, with why there is no watchdog. The process is not harmed. */
  readonly onUnavailable: (why: string) => void
}

/** A thread that ends the process when the main thread cannot. */
export interface Watchdog {
  /** The process is ended `inMs` from now unless it has gone by then. The last call counts. */
  arm(inMs: number): void
  /** A signal that the main thread never sees is acted on `inMs` from now at the latest; `Infinity` takes that back. */
  expectSignal(inMs: number): void
  /**
   * What the stop is doing right now: a JSON object as text, at most 4,000 bytes, better 3,000, which leaves room for a
   * stack. Its `running`, an array of step names, is said on stderr; all of it goes into the termination message.
   */
  tell(progress: string): void
  /** Takes it away, within some ms; safe to call twice. */
  close(): void
}

/** A signal that the main thread handles this late was not held up by anything that matters to a deadline of seconds. */
const promptMs = 50

/** The thread took 6 to 10 MB of its own in measurements; as much again for the guard, and for the service meanwhile. */
const leastMemory = 32 * 2 ** 20

/**
 * Starts a thread that ends this process at the armed deadline, with its own exit code, however the main thread is
 * blocked, as PID 1 too. It says on stderr and in the termination message which step was running and in which
 * JavaScript stack the main thread was.
 *
 * The thread sleeps until then and polls nothing; it never keeps the process alive. It must have started (20 to 100 ms)
 * before it can see a signal. Firing takes 30 to 80 ms where the stack can be read, 0.27 s where the main thread is in
 * native code, and 0.7 s where exit(3) or stderr hangs: arm it that long before SIGKILL, and later than the exit of your
 * own. It is not told about debuggers: a process that one has paused is ended if a stop had begun, and else is not.
 */
export function startWatchdog(options: WatchdogOptions): Watchdog {
  let worker: Worker | undefined
  let unavailable = options.onUnavailable
  const fail = (why: string): void => {
    const tell = unavailable
    close()
    tell(why)
  }
  const refusal = whyNot()
  if (refusal !== undefined) {
    fail(refusal)
  } else {
    try {
      worker = startThread(options)
      worker.on('message', ({ signal, atMs }: SignalSeen) => {
        const agoMs = nowMs() - atMs
        if (agoMs >= promptMs) options.onSignalSeen(signal, agoMs)
      })
      worker.once('error', (error) => fail(`its thread failed: ${describeError(error)}`))
      worker.once('exit', () => fail('its thread ended'))
      worker.unref()
    } catch (error) {
      fail(`its thread could not be started: ${describeError(error)}`)
    }
  }

  return {
    arm: (inMs) => order({ kind: 'arm', atMs: nowMs() + inMs }),
    expectSignal: (inMs) => order({ kind: 'expect-signal', atMs: nowMs() + inMs }),
    tell: (progress) => order({ kind: 'tell', progress }),
    close,
  }

  function order(message: WatchdogOrder): void {
    worker?.postMessage(message)
  }

  function close(): void {
    unavailable = () => {}
    worker?.removeAllListeners('message')
    void worker?.terminate()
    worker = undefined
  }
}

/** Without the flags, environment and preloaded modules of the process: the thread's program needs none, and they could break it. */
function startThread({ exitCode, signals, signalBudgetMs, forgetMs, terminationMessagePath }: WatchdogOptions): Worker {
  // Bundlers that keep names wrap inner functions in a call of a helper of theirs.
  const prelude = 'const { parentPort, workerData } = require("node:worker_threads"), __name = (value) => value;'
  const end = endAnyhow.toString()
  const sleep = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, workerData.afterMs);'
  const guard = `${prelude} parentPort.postMessage("ready"); ${sleep} (${end})(require, workerData.exitCode, workerData.node)`
  const program = `${prelude} (${watchdogThread.toString()})(workerData, require, ${writeTerminationMessage.toString()}, ${end})`
  const numbers = Object.fromEntries(signals.map((signal) => [signal, constants.signals[signal]]))
  const mayInspect = process.permission?.has('inspector') ?? true
  const workerData: WatchdogThreadData = { exitCode, signals: numbers, signalBudgetMs, forgetMs, terminationMessagePath, mayInspect, node: anotherNode(), guard }
  // Not imported: it took 5 ms of the 11 that importing core would have cost.
  const { Worker: Thread } = process.getBuiltinModule('node:worker_threads')
  return new Thread(program, {
    eval: true,
    name: 'lameduck-watchdog',
    env: {},
    execArgv: ['--expose-internals', '--no-warnings'],
    stdout: true,
    stderr: true,
    workerData,
  })
}

/** The clock of `process.hrtime`, which all threads share, in ms. */
function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** A thread that cannot have its memory would take the whole process along. */
function whyNot(): string | undefined {
  // Not `process.availableMemory()`, which counts the page cache as used: a container that reads files would never have any left.
  const limit = process.constrainedMemory()
  const left = limit > 0 ? limit - process.memoryUsage.rss() : Infinity
  if (left < leastMemory) return `${Math.max(0, Math.round(left / 2 ** 20))} MB are left of the memory limit, too little for a thread`
  return hasAddressLimit() ? 'the address space is limited (ulimit -v), and V8 aborts a process that gets none for a thread' : undefined
}

function hasAddressLimit(): boolean {
  try {
    return /^Max address space +\d/m.test(readFileSync('/proc/self/limits', 'utf8'))
  } catch {
    return false
  }
}
