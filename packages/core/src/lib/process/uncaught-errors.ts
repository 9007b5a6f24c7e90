import { describeError, describeStack } from '../describe-value.ts'
import { lifecycleErrorIn, type LifecycleError } from '../errors.ts'
import type { Lifecycle } from '../lifecycle.ts'
import { isExitTaken } from './taken-exits.ts'
import type { Listening } from './listening.ts'
import type { ProcessLike } from './process-like.ts'
import { tellOperator } from './tell-operator.ts'

type Origin = 'uncaughtException' | 'unhandledRejection'

export interface UncaughtErrors {
  /** Calls that the stop has refused or cut, and whose rejection nobody handled. */
  readonly lateUses: readonly LifecycleError[]
  /** A stop has begun: from now on no uncaught error ends the process, and each is told and counted. */
  onStopBegun(): void
}

/** Uncaught errors of a kind that are printed; what a broken connection, or one that was cut, throws a thousand times is the same error. */
const mostPrinted = 20

/** Begins a stop on an uncaught error where that is chosen, and prints what comes. */
export function handleUncaughtErrors(lifecycle: Lifecycle, target: ProcessLike, listening: Listening, choice: 'stop' | 'leave'): UncaughtErrors {
  const printed = { ours: 0, theirs: 0 }
  const lateUses: LifecycleError[] = []
  if (choice === 'stop') listenToExceptions()
  return { lateUses, onStopBegun }

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
    const stopping = lifecycle.stopping.aborted
    const told = stopping ? lifecycleErrorIn(error) : undefined
    if (told && isOfTheStop(told)) return void lateUses.push(told)
    // What the program hears of the stop itself, such as the refusal of a resource that it adds too late, is no failure.
    const ours = told !== undefined
    print(ours ? 'ours' : 'theirs', ours ? `while stopping: ${describeError(error)}` : `${origin}${stopping ? ' while stopping' : ''}: ${describeStack(error)}`)
    if (!ours) void lifecycle.stop({ kind: 'fatal', origin, error })
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

/** Not a fault of the service, but what a late call gets: the report counts it. */
function isOfTheStop({ code }: LifecycleError): boolean {
  return code === 'closed' || code === 'cut'
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
