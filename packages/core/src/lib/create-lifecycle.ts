import { setMaxListeners } from 'node:events'
import { systemClock } from './clock.ts'
import { runChecks } from './check.ts'
import { LifecycleError, requireMs } from './errors.ts'
import { createEvents } from './events.ts'
import { buildGraph, type Entry } from './graph.ts'
import { lameDuckAfterPreStop } from './lame-duck.ts'
import type { AddOptions, Handle, Lifecycle, LifecycleOptions } from './lifecycle.ts'
import { makePlan } from './plan.ts'
import { resolvePolicy, type LameDuckPolicy } from './policy.ts'
import { hasLameDuck, type Reason } from './reason.ts'
import { resultOf, type Plan, type Report, type StepReport } from './report.ts'
import type { Resource } from './resource.ts'
import { runStop, type StopRun } from './run-stop.ts'
import { startAll, type Start } from './start.ts'
import type { State } from './state.ts'
import { describeError } from './describe-value.ts'
import { validateAdd } from './validate-add.ts'

/**
 * Makes a lifecycle: register resources, `start()` them, `stop()` them within one deadline. It owns all its
 * state, so that two of them in one process do not know of each other, and it never touches the process:
 * signals and the exit are `bindProcess`'s part.
 *
 * @throws LifecycleError `invalid-option` when the policy cannot work.
 */
export function createLifecycle(options: LifecycleOptions = {}): Lifecycle {
  const clock = options.clock ?? systemClock
  const policy = resolvePolicy(options.policy, options.env)
  const entries = new Map<string, Entry>()
  const entryOf = new WeakMap<Handle, Entry>()
  const holds = new Map<symbol, string>()
  const stopping = new AbortController()
  const draining = new AbortController()
  // Every open event stream listens to them; Node would take more than ten for a leak.
  setMaxListeners(0, stopping.signal, draining.signal)
  const events = createEvents(() => lifecycle)
  let state: State = { name: 'starting' }
  let start: Start | undefined
  let startPromise: Promise<void> | undefined
  let stop: { readonly report: Promise<Report>; run?: StopRun; deadline: number; forced: boolean } | undefined

  const lifecycle: Lifecycle = {
    policy,
    get state() {
      return state
    },
    get isReady() {
      return state.name === 'ready' && holds.size === 0
    },
    stopping: stopping.signal,
    draining: draining.signal,
    add,
    start: () => (startPromise ??= startEverything()),
    check: ({ timeoutMs = 1_000 } = {}) => runChecks(startedResources(), clock, requireMs(timeoutMs, 'timeoutMs', 1)),
    holdNotReady,
    stop: (reason = { kind: 'programmatic' }) => beginStop(reason),
    force() {
      if (!stop) void beginStop({ kind: 'programmatic', detail: 'force() was called' })
      if (!stop) return
      stop.forced = true
      stop.run?.force()
    },
    shrinkTo,
    plan: () => planFor(platformSignal),
    subscribe: (listener) => events.subscribe(listener),
    async [Symbol.asyncDispose]() {
      await beginStop({ kind: 'programmatic', detail: 'the lifecycle was disposed' })
    },
  }
  return lifecycle

  function add(resource: Resource, { needs = [] }: AddOptions = {}): Handle {
    const needed = needs.map((handle) => entryOf.get(handle))
    const entry = validateAdd(resource, needed, entries, state, startPromise !== undefined)
    entries.set(resource.name, entry)
    const handle: Handle = { resource, remove: () => remove(entry) }
    entryOf.set(handle, entry)
    return handle
  }

  function remove(entry: Entry): void {
    const { name } = entry.resource
    if (stop || entries.get(name) !== entry) return
    const user = [...entries.values()].find((other) => other.needs.includes(entry))
    if (user) {
      throw new LifecycleError('wrong-state', `"${name}" cannot be removed: "${user.resource.name}" needs it. Remove that first.`, { resource: name })
    }
    if (startPromise && state.name === 'starting') {
      throw new LifecycleError('wrong-state', `"${name}" cannot be removed while the lifecycle starts; wait for start()`, { resource: name })
    }
    entries.delete(name)
  }

  async function startEverything(): Promise<void> {
    if (state.name !== 'starting') {
      throw new LifecycleError('wrong-state', `start() was called when the lifecycle was already "${state.name}"`)
    }
    let failure: LifecycleError | undefined
    start = startAll([...entries.values()], clock, events, stopping.signal, (error) => {
      failure = error
      void beginStop({ kind: 'fatal', origin: 'start', error })
    })
    await Promise.race([start.done, new Promise((resolve) => stopping.signal.addEventListener('abort', resolve))])
    if (stop) {
      await stop.report
      throw failure ?? new LifecycleError('start-failed', 'a stop began before everything had started; what had started was stopped again')
    }
    setState({ name: 'ready', sinceMs: clock.now() })
    for (const warning of planFor(platformSignal).warnings) events.emit({ type: 'warning', message: warning })
    if (lifecycle.isReady) events.emit({ type: 'readiness-changed', ready: true, why: 'everything has started' })
  }

  function beginStop(reason: Reason): Promise<Report> {
    if (stop) {
      events.emit({ type: 'stop-repeated', reason })
      return stop.report
    }
    const begunAt = clock.now()
    const startedAt = new Date().toISOString()
    const from = state.name === 'ready' ? 'ready' : 'starting'
    const wasReady = lifecycle.isReady
    const budgetMs = budgetFor(reason)
    const deadline = begunAt + budgetMs
    const lameDuck = lameDuckFor(reason)
    const nodes = buildGraph([...entries.values()], policy, lameDuck)
    const plan = makePlan(nodes, policy, budgetMs)

    let resolveReport: (report: Report) => void = () => {}
    stop = { deadline, forced: false, report: new Promise((resolve) => (resolveReport = resolve)) }

    // The latch, the signal and every quiesce belong to this tick: nothing here may be awaited.
    setState({ name: lameDuck ? 'lame-duck' : 'draining', reason, sinceMs: begunAt, deadline })
    if (wasReady) events.emit({ type: 'readiness-changed', ready: false, why: 'a stop has begun' })
    stopping.abort()
    const quiesceErrors = quiesceAll(reason, deadline)
    if (!lameDuck) draining.abort()
    events.emit({ type: 'stop-begun', reason, plan })

    const run = runStop({
      nodes,
      clock,
      reason,
      begunAt,
      deadline,
      lameDuck: lameDuck ?? { minMs: 0, quietMs: 0, maxMs: 0 },
      events,
      // Without start() there is no telling what is in use, so everything is drained.
      started: (entry) => (start && entry.resource.start ? start.started(entry) : true),
      onLameDuckEnd() {
        setState({ name: 'draining', reason, sinceMs: clock.now(), deadline: stop?.deadline ?? deadline })
        draining.abort()
      },
    })
    stop.run = run
    // What a listener or a quiesce has asked for meanwhile.
    if (stop.deadline < deadline) run.moveDeadline(stop.deadline)
    if (stop.forced) run.force()
    void run.done.then((steps) => {
      const finished = withQuiesceErrors(steps, quiesceErrors)
      const result = resultOf(finished)
      const report: Report = {
        version: 1,
        reason,
        result,
        exitCode: exitCodeFor(reason, result),
        startedAt,
        tookMs: clock.now() - begunAt,
        budgetMs: (stop?.deadline ?? deadline) - begunAt,
        from,
        criticalPathMs: plan.criticalPathMs,
        scale: plan.scale,
        steps: finished,
        warnings: plan.warnings,
      }
      setState({ name: 'stopped', report })
      events.emit({ type: 'stopped', report })
      resolveReport(report)
    })
    return stop.report
  }

  /** Before the service was ready it had no clients to lead elsewhere, and without a server it never has any. */
  function lameDuckFor(reason: Reason): LameDuckPolicy | undefined {
    if (state.name !== 'ready' || !hasLameDuck(reason)) return undefined
    if (!hasServers()) return undefined
    const lameDuck = lameDuckAfterPreStop({ lameDuck: policy.lameDuck, preStopMs: preStopFor(reason) })
    return lameDuck.maxMs > 0 ? lameDuck : undefined
  }

  function budgetFor(reason: Reason): number {
    const budgetMs = policy.graceMs - preStopFor(reason) - policy.marginMs
    return reason.kind === 'fatal' ? Math.min(policy.fatalMs, budgetMs) : budgetMs
  }

  /** Only the platform's own signal comes after a preStop hook. */
  function preStopFor(reason: Reason): number {
    return reason.kind === 'signal' && !reason.interactive ? policy.preStopMs : 0
  }

  function hasServers(): boolean {
    return [...entries.values()].some((entry) => entry.resource.drainFrom === 'lame-duck-end')
  }

  /** The plan of a stop from the ready state, whatever the state is now. */
  function planFor(reason: Reason): Plan {
    const lameDuck = lameDuckAfterPreStop(policy)
    const nodes = buildGraph([...entries.values()], policy, hasServers() && lameDuck.maxMs > 0 ? lameDuck : undefined)
    return makePlan(nodes, policy, budgetFor(reason))
  }

  function quiesceAll(reason: Reason, deadline: number): Map<string, string> {
    const errors = new Map<string, string>()
    for (const { resource } of entries.values()) {
      const onError = (error: unknown): void => void errors.set(resource.name, `quiesce: ${describeError(error)}`)
      try {
        const returned: unknown = resource.quiesce?.({ reason, deadline })
        if (returned instanceof Promise) returned.catch(onError)
      } catch (error) {
        onError(error)
      }
    }
    return errors
  }

  function startedResources(): Resource[] {
    return [...entries.values()].filter((entry) => !start || !entry.resource.start || start.started(entry) === true).map((entry) => entry.resource)
  }

  function holdNotReady(why: string): () => void {
    const hold = Symbol(why)
    const before = lifecycle.isReady
    holds.set(hold, why)
    if (before) events.emit({ type: 'readiness-changed', ready: false, why })
    return () => {
      if (holds.delete(hold) && lifecycle.isReady) events.emit({ type: 'readiness-changed', ready: true, why: `over: ${why}` })
    }
  }

  function shrinkTo(leftMs: number): void {
    requireMs(leftMs, 'shrinkTo(leftMs)')
    if (!stop) {
      throw new LifecycleError('wrong-state', 'shrinkTo() moves the deadline of a stop, and none has begun; call stop() first')
    }
    const deadline = clock.now() + leftMs
    if (state.name === 'stopped' || deadline >= stop.deadline) return
    stop.deadline = deadline
    if (state.name === 'lame-duck' || state.name === 'draining') setState({ ...state, deadline })
    events.emit({ type: 'deadline-shrunk', leftMs })
    stop.run?.moveDeadline(deadline)
  }

  function setState(next: State): void {
    state = next
    events.emit({ type: 'state-changed', state })
  }

  function exitCodeFor(reason: Reason, result: Report['result']): number {
    if (reason.kind === 'fatal') return policy.exitCodes.fatal
    if (reason.kind === 'event-loop-stalled') return policy.exitCodes.stalled
    return policy.exitCodes[result]
  }
}

/** What a plan is made for before there is a reason. */
const platformSignal: Reason = { kind: 'signal', signal: 'SIGTERM', interactive: false }

/** A quiesce that threw leaves a resource that may have gone on taking work: its step has failed, however its drain went. */
function withQuiesceErrors(steps: readonly StepReport[], errors: ReadonlyMap<string, string>): StepReport[] {
  return steps.map((step) => {
    const error = errors.get(step.name)
    if (error === undefined) return step
    return { ...step, outcome: step.outcome === 'forced' ? 'forced' : 'failed', errors: [error, ...step.errors] }
  })
}
