import { lateWorkMs, show, type DrainContext, type Resource } from '@lameduck/core'
import { fail } from 'node:assert/strict'
import { blame, callHarness, isError, watchWork, type WatchedWork } from './call-harness.ts'
import type { Acknowledgement, Harness, Subject, Work } from './harness.ts'
import { settle, type Settlement } from './settle.ts'
import type { ProcessWatch } from './watch-process.ts'

/** Times, in ms, that the checks allow and wait for. */
export interface Bounds {
  /** Longest time for whatever must settle "soon". */
  readonly settleMs: number
  /** Allowed on top of the resource's own bound of `force`, for a busy machine. */
  readonly slackMs: number
  /** How long something that must not happen is watched for. */
  readonly watchMs: number
  /** How long a resource that was cut is watched for whether it comes back. */
  readonly quietMs: number
  /** Longest time for one call of the harness, and for `start`. */
  readonly harnessMs: number
}

/** Longest time, in ms, for a drain that has nothing in hand, or only what came late. */
export function ownDrainMs({ settleMs }: Bounds): number {
  return lateWorkMs + settleMs
}

/** What a call that must return at once did. */
export interface Called {
  readonly returned: unknown
  readonly tookMs: number
  /** Of the process, in ms: less than `tookMs` where others have had the processor. */
  readonly cpuMs: number
}

/** A drain that has begun. */
export interface Draining {
  /** Aborts the context's signal, as the engine does at the deadline. */
  abort(): void
  /** How it ended within `ms` from now. */
  settled(ms: number): Promise<Settlement>
}

/** One subject with its harness bound to it: what a check works with. */
export interface Trial {
  readonly resource: Resource
  readonly bounds: Bounds
  /** What of the process was active before the subject was opened. */
  readonly watch: ProcessWatch
  /** Mistakes of the harness that came to light beside a call of it. */
  readonly mistakes: readonly string[]
  /** What `inFlight()` must be with so many units in flight. */
  readonly counts: (units: number) => number
  /** How many callers may use it at once. */
  readonly atOnce: 1 | 2
  /** What `watch` has told since `ready`. */
  readonly endings: readonly unknown[]
  /** `watch`, `start`, then `open`. */
  ready(): Promise<void>
  /** In flight if the harness can make it so. */
  busyIfAble(): Promise<WatchedWork | undefined>
  busy(): Promise<WatchedWork>
  /** Two units in flight, one where no more is possible, or none. */
  busyTwice(): Promise<readonly WatchedWork[]>
  /** Lets `work` end; resolves with how it did. */
  finish(work: WatchedWork | undefined): Promise<'finished' | 'failed' | 'still pending'>
  /** Whether a unit that is offered is done. */
  offer(): Promise<boolean>
  /** The same, with the Error of its caller where that is told. */
  use(): Promise<boolean | Error>
  fail(): Promise<void>
  acknowledge(): Promise<Acknowledgement>
  freeze(): Promise<void>
  thaw(): Promise<void>
  kill(): Promise<void>
  drop(): Promise<void>
  end(): Promise<void>
  /** How many connections the peer holds; none where the harness cannot tell. */
  connections(): Promise<number>
  preStop(announced: boolean): Called
  quiesce(): Called
  /** @param isAborted whether its signal has aborted before it is called */
  drain(isAborted?: boolean): Draining
  /** Runs `force` as the engine does: for no longer than its bound, whatever comes of it. */
  force(): Promise<Settlement>
}

const reason = { kind: 'programmatic', detail: 'the conformance suite' } as const
const farMs = 60_000

/** Binds `harness` to `subject`. */
export function createTrial<S extends Subject>(harness: Harness<S>, subject: S, bounds: Bounds, watch: ProcessWatch): Trial {
  const { resource } = subject
  const mistakes: string[] = []
  const endings: unknown[] = []
  const call = <T>(name: string, action: () => Promise<T> | T): Promise<T> => callHarness(name, action, bounds.harnessMs)
  const trial: Trial = {
    resource,
    bounds,
    watch,
    mistakes,
    counts: (units) => (harness.counts ? harness.counts(units) : units),
    atOnce: harness.atOnce ?? 2,
    endings,
    async ready() {
      callSync('watch', () => resource.watch?.((why) => endings.push(why)))
      const started = await settle(() => resource.start?.({ signal: new AbortController().signal }), bounds.harnessMs)
      if (started.kind === 'rejected') fail(`start rejected: ${String(started.error)}`)
      if (started.kind === 'pending') fail(`start had not settled after ${bounds.harnessMs} ms (harnessMs)`)
      await call('open', () => harness.open?.(subject))
    },
    busyIfAble: async () => (harness.busy ? trial.busy() : undefined),
    busy: async () => watchWork(await call('busy', () => harness.busy?.(subject) as Promise<Work>), mistakes),
    async busyTwice() {
      const works: WatchedWork[] = []
      while (harness.busy && works.length < trial.atOnce) works.push(await trial.busy())
      return works
    },
    async finish(work) {
      if (work) await call('finish', () => work.finish())
      const ended = await settle(() => work?.outcome, bounds.settleMs)
      if (ended.kind === 'pending') return 'still pending'
      return ended.kind === 'fulfilled' && ended.value === 'finished' ? 'finished' : 'failed'
    },
    offer: async () => (await trial.use()) === true,
    async use() {
      const answer: unknown = await call('offer', () => harness.offer?.(subject))
      if (typeof answer === 'boolean' || isError(answer)) return answer
      throw blame(`offer() must resolve with true, false or an Error; it resolved with ${String(answer)}`)
    },
    fail: () => call('fail', () => harness.fail?.(subject)),
    async acknowledge() {
      const begun = await call('acknowledge', () => harness.acknowledge?.(subject))
      if (typeof begun?.answer?.then !== 'function' || typeof begun.arrived !== 'function') throw blame(`acknowledge() must resolve with { answer, arrived }; it resolved with ${show(begun)}`)
      // It may reject before anybody waits for it.
      const answer = Promise.resolve(begun.answer)
      answer.catch(() => {})
      return { answer, arrived: () => call('arrived', () => begun.arrived()) }
    },
    freeze: () => call('freeze', () => harness.freeze?.(subject)),
    thaw: () => call('thaw', () => harness.thaw?.(subject)),
    kill: () => call('kill', () => harness.kill?.(subject)),
    async drop() {
      const dropped: unknown = await call('drop', () => harness.drop?.(subject))
      if (!(Number(dropped) > 0)) throw blame(`drop() must resolve with how many connections it closed, at least 1; it resolved with ${String(dropped)}`)
    },
    end: () => call('end', () => harness.end?.(subject)),
    async connections() {
      if (!harness.connections) return 0
      const count: unknown = await call('connections', () => harness.connections?.(subject))
      return typeof count === 'number' ? count : Promise.reject(blame(`connections() must resolve with a number; it resolved with ${String(count)}`))
    },
    preStop: (announced) => callSync('preStop', () => resource.preStop?.(announced)),
    quiesce: () => callSync('quiesce', () => resource.quiesce?.({ reason, deadline: performance.now() + farMs })),
    drain(isAborted = false) {
      const abort = new AbortController()
      const cut = (): void => abort.abort(new Error('the deadline has passed'))
      if (isAborted) cut()
      const drained = (async () => resource.drain(createDrainContext(abort.signal)))()
      drained.catch(() => {})
      return { abort: cut, settled: (ms) => settle(() => drained, ms) }
    },
    force() {
      const boundMs = resource.forceMs ?? 100
      return settle(() => resource.force?.({ reason, boundMs }), boundMs + bounds.slackMs)
    },
  }
  return trial
}

function createDrainContext(signal: AbortSignal): DrainContext {
  const deadline = performance.now() + farMs
  return { reason, deadline, signal, remaining: () => Math.max(0, deadline - performance.now()) }
}

/** A throw is told at once; what else may be wrong with it is for the check that is meant for it. */
function callSync(name: string, action: () => unknown): Called {
  const begunAt = performance.now()
  const usedBefore = process.cpuUsage()
  let returned: unknown
  try {
    returned = action()
  } catch (error) {
    fail(`${name} threw: ${String(error)}; it must not, in any state`)
  }
  if (returned instanceof Promise) returned.catch(() => {})
  const tookMs = performance.now() - begunAt
  const { user, system } = process.cpuUsage(usedBefore)
  return { returned, tookMs, cpuMs: (user + system) / 1_000 }
}
