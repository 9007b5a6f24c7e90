import { describeError, describeStack } from '../describe-value.ts'
import { isLateUse } from '../engine/late-uses.ts'
import { channelName, isOfSubscriber } from '../event-channel.ts'
import { lifecycleErrorIn, type LifecycleError, type LifecycleErrorCode } from '../errors.ts'
import type { Lifecycle } from '../lifecycle.ts'
import { isExitTaken } from './taken-exits.ts'
import type { Listening } from './listening.ts'
import type { Bindings } from './process-bindings.ts'
import type { ProcessLike } from './process-like.ts'
import type { Report } from '../report/report.ts'
import { tellOperator } from './tell-operator.ts'

type Origin = 'uncaughtException' | 'unhandledRejection'

export interface UncaughtErrors {
  /** A stop has begun: from now on no uncaught error ends the process, and each is told and counted. */
  onStopBegun(): void
  /** The service is ready: from now on it has work. */
  onReady(): void
}

/** Uncaught errors of a kind that are printed; what a broken connection, or one that was cut, throws a thousand times is the same error. */
const mostPrinted = 20

/** What a program hears of a stop that has begun, such as the refusal of a resource that it adds too late. The other codes are mistakes, in a stop as before it. */
const ofTheStop: readonly LifecycleErrorCode[] = ['added-too-late', 'wrong-state', 'start-failed', 'check-failed']

/** Begins a stop on an uncaught error where that is chosen, and prints what comes. */
export function handleUncaughtErrors(lifecycle: Lifecycle, target: ProcessLike, listening: Listening, bindings: Bindings, choice: 'stop' | 'leave'): UncaughtErrors {
  const printed = { ours: 0, theirs: 0 }
  const names = new WeakMap<Lifecycle, ReadonlySet<string>>()
  let wasReady = lifecycle.state.name === 'ready'
  if (choice === 'stop') listenToExceptions()
  return { onStopBegun, onReady: () => void (wasReady = true) }

  function onStopBegun(): void {
    if (choice === 'leave') listenToExceptions()
    // Node asks a callback of the service's own first, and no listener after that.
    if (target.hasUncaughtExceptionCaptureCallback?.() === true) listening.on('uncaughtExceptionMonitor', (error, origin) => onError(originOf(origin), error))
    if (rejectionsGoElsewhere(target)) listening.on('unhandledRejection', (error) => onError('unhandledRejection', error))
  }

  function listenToExceptions(): void {
    listening.on('uncaughtException', (error, origin) => onError(originOf(origin), error))
  }

  function onError(origin: Origin, error: unknown): void {
    if (isExitTaken(error)) return
    if (isOfSubscriber()) return print('theirs', `a subscriber of the channel "${channelName}" threw, which harms nothing else: ${describeStack(error)}`)
    const stopping = lifecycle.stopping.aborted
    const told = stopping ? lifecycleErrorIn(error) : undefined
    // The report counts it, and tells of it in one line.
    if (told && isLateUse(told)) return isOfAnother(told) ? undefined : void lifecycle.stop({ kind: 'fatal', origin, error })
    const ours = told !== undefined && ofTheStop.includes(told.code)
    print(ours ? 'ours' : 'theirs', ours ? `while stopping: ${describeError(error)}` : `${origin}${stopping ? ' while stopping' : ''}: ${describeStack(error)}`)
    // A program that was still being put together when the stop came has no work that this breaks off.
    if (ours && (told.code !== 'added-too-late' || !wasReady)) return
    void lifecycle.stop({ kind: 'fatal', origin, error })
    const report = bindings.reports.get(lifecycle)
    // Where another lifecycle is still there, this has failed its stop.
    if (report && bindings.alive.size === 0) failLate(report)
  }

  /** The report is with its receiver already; the exit code need not say what is no longer true. */
  function failLate(report: Report): void {
    if (report.reason.kind === 'fatal' || report.result === 'failed' || report.result === 'forced') return
    const { failed } = lifecycle.policy.exitCodes
    bindings.reports.set(lifecycle, { ...report, result: 'failed', exitCode: failed })
    tellOperator(target, `this error came when the report was made, which says ${report.result}: work may be lost, so the stop counts as failed (exit code ${failed})`)
  }

  /** Every bound lifecycle hears of it, and one has that resource. */
  function isOfAnother({ resource = '' }: LifecycleError): boolean {
    return bindings.alive.size > 1 && !namesOf(lifecycle).has(resource) && [...bindings.alive].some((each) => each !== lifecycle && namesOf(each).has(resource))
  }

  /** Kept, since thousands may come: nothing is added to a lifecycle that stops. */
  function namesOf(each: Lifecycle): ReadonlySet<string> {
    const known = names.get(each) ?? new Set(each.plan().steps.map(({ name }) => name))
    if (each.stopping.aborted) names.set(each, known)
    return known
  }

  function print(kind: keyof typeof printed, text: string): void {
    if (printed[kind] < mostPrinted) tellOperator(target, text)
    else if (printed[kind] === mostPrinted) tellOperator(target, `more ${kind === 'ours' ? 'errors of the stop itself' : 'uncaught errors'} are not printed`)
    printed[kind] += 1
  }
}

function originOf(origin: unknown): Origin {
  return origin === 'unhandledRejection' ? origin : 'uncaughtException'
}

/** Whether an unhandled rejection becomes no uncaught exception: a listener of the service takes it, or a flag of Node says so. */
function rejectionsGoElsewhere(target: ProcessLike): boolean {
  const mode = target === process ? rejectionMode(process.execArgv, process.env['NODE_OPTIONS']) : 'throw'
  // The strict mode raises the exception before it asks the listeners.
  return mode !== 'strict' && (mode !== 'throw' || target.listeners('unhandledRejection').length > 0)
}

/** What `--unhandled-rejections` says, on the command line or in NODE_OPTIONS. @default 'throw' */
export function rejectionMode(execArgv: readonly string[], nodeOptions: string = ''): string {
  const words = [...nodeOptions.split(/\s+/), ...execArgv]
  return words.reduce((mode, word, index) => /^--unhandled-rejections=(.+)$/.exec(word)?.[1] ?? (words[index - 1] === '--unhandled-rejections' ? word : mode), 'throw')
}
