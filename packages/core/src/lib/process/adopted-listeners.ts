import type { AsyncLocalStorage } from 'node:async_hooks'
import { constants } from 'node:os'
import type { Clock } from '../clock.ts'
import { describeListener, sourceOf } from './describe-listener.ts'
import { dueListeners } from './due-listeners.ts'
import { hideTakenExits } from './hide-taken-exits.ts'
import { knownListener } from './known-listeners.ts'
import type { OtherListener } from './other-listeners.ts'
import type { Bindings } from './process-bindings.ts'
import type { ProcessLike } from './process-like.ts'
import type { DrainContext, Resource } from '../resource.ts'
import { standIn, type StandIn } from './stand-ins.ts'
import { isExitTaken, takeExits, type TakenExit } from './taken-exits.ts'
import { tellOperator } from './tell-operator.ts'
import { createTally } from '../work/tally.ts'
import { isThenable } from '../thenable.ts'

export interface AdoptedListeners {
  /** Runs them, when intake and work have drained. */
  readonly resource: Resource
  /** Who is known among those that are there, by name. */
  owners(): string[]
  /** Takes the listener off the process, to be run by the resource. */
  adopt(other: OtherListener): void
  /** Puts back what its owner has not removed meanwhile. */
  release(): void
}

export interface AdoptInput {
  readonly target: ProcessLike
  readonly bindings: Bindings
  readonly signals: readonly NodeJS.Signals[]
  readonly clock: Clock
  /** How long one is waited for that does not say when it has finished, in ms. */
  readonly reserveMs: number
}

/** A listener that runs, and how it ends. */
interface Run {
  readonly name: string
  readonly ended: Promise<TakenExit>
  end(exit: TakenExit): void
}

/** Of the time that is left, what those may take that do not say when they have finished. */
const shareOfRest = 0.9

/**
 * The listeners of others for the signals of a stop. They run as they would have run by themselves (the same arguments, the same `this`), but
 * one after the other and when traffic has drained, and none of them ends the process:
 *
 * - one that returns a promise is awaited;
 * - `process.exit`, and the signal sent once more, mean that it has finished; the code behind the call does not run on;
 * - any other may have begun something that nobody can see: it is given its reserve, and is `unknown`.
 */
export function adoptListeners({ target, bindings, signals, clock, reserveMs }: AdoptInput): AdoptedListeners {
  const adopted = new Set<StandIn>()
  const tally = createTally()
  let waiting: readonly string[] = []
  let current: Run | undefined
  let giveBackExits = (): void => {}
  let storage: AsyncLocalStorage<Run> | undefined

  const present = (): StandIn[] => [...adopted].filter((each) => each.isThere())
  const resource: Resource = {
    name: 'other listeners',
    phase: 'work',
    drainFrom: 'phase-end',
    get reserveMs() {
      return present().length > 0 ? reserveMs : 0
    },
    inFlight: () => waiting.length,
    waitingFor: () => waiting,
    tally: tally.read,
    quiesce: () => tally.begin(),
    drain,
  }

  return {
    resource,
    owners: () => present().flatMap(({ listener }) => knownListener(sourceOf(listener))?.owner ?? []),
    adopt(other) {
      adopted.add(standIn(target, other, bindings, () => {}))
    },
    release() {
      for (const each of adopted) each.putBack()
      adopted.clear()
      giveBackExits()
    },
  }

  async function drain(context: DrainContext): Promise<void> {
    const came = context.reason.kind === 'signal' ? context.reason.signal : bindings.signal?.signal
    // One that is added from now on is for a second signal.
    const due = dueListeners(present(), context.reason, signals, came)
    if (due.length === 0) return
    takeAllExits()
    storage = new (process.getBuiltinModule('node:async_hooks').AsyncLocalStorage)()
    for (const [index, each] of due.entries()) {
      waiting = due.slice(index).map(nameOf)
      if (context.signal.aborted) tally.cut()
      else await run(each, context, due.length - index)
    }
    waiting = []
    current = undefined
  }

  /** Until the process ends, or the binding: a listener may have begun a timer that ends the process. */
  function takeAllExits(): void {
    const giveBack = takeExits(target, signals, onExitTaken)
    const show = hideTakenExits(target, bindings)
    giveBackExits = () => {
      giveBack()
      show()
      bindings.beforeExit.delete(giveBackExits)
    }
    bindings.beforeExit.add(giveBackExits)
  }

  async function run(each: StandIn, { signal: cut, remaining }: DrainContext, left: number): Promise<void> {
    const name = nameOf(each)
    const signal = each.event as NodeJS.Signals
    const own = createRun(name)
    current = own
    if (each.once) each.remove()
    let cancel = (): void => {}
    const aborted = new Promise<'cut'>((resolve) => cut.addEventListener('abort', () => resolve('cut'), { once: true }))
    const givenUp = new Promise<'unknown'>((resolve) => {
      cancel = clock.setTimer(() => resolve('unknown'), Math.min(reserveMs, (remaining() * shareOfRest) / left))
    })
    try {
      const returned = storage?.run(own, () => Reflect.apply(each.listener, target, [signal, constants.signals[signal]]))
      const finished = isThenable(returned) ? Promise.resolve(returned).then(() => 'finished' as const) : givenUp
      count(name, await Promise.race([own.ended, finished, aborted]))
    } catch (error) {
      // Its first call has said how it ends, and what is thrown is the way out of the code behind it.
      if (isExitTaken(error)) count(name, await own.ended)
      else tally.failed(name, error)
    } finally {
      cancel()
    }
  }

  function count(name: string, how: TakenExit | 'finished' | 'unknown' | 'cut'): void {
    if (how === 'finished') tally.done()
    else if (how === 'cut') tally.cut()
    else if (how === 'unknown') tally.unknown(`${name} returned at once, and does not say when it has finished`)
    else if (how.failed) tally.failed(name, new Error(how.call))
    else tally.done()
  }

  function onExitTaken(taken: TakenExit): void {
    // A callback that the event loop begins belongs to nobody; then it is the one that runs.
    const run = storage?.getStore() ?? current
    if (run) return run.end(taken)
    tellOperator(target, `${taken.call} was called while stopping${taken.caller === undefined ? '' : ` by ${taken.caller}`}, and was not done: the process ends when it has drained.`)
  }
}

function createRun(name: string): Run {
  let end: (exit: TakenExit) => void = () => {}
  const ended = new Promise<TakenExit>((resolve) => (end = resolve))
  return { name, ended, end }
}

function nameOf({ event, listener, addedBy }: OtherListener): string {
  return `${event}: ${knownListener(sourceOf(listener))?.owner ?? describeListener(listener, addedBy)}`
}
