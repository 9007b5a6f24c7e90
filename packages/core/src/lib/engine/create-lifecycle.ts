import { budgetFor, type Budget } from './budget.ts'
import { systemClock } from '../clock.ts'
import { runChecks } from './check.ts'
import { doubtersKey, type Doubter } from './doubters.ts'
import { describeValue } from '../describe-value.ts'
import { createEndings } from './endings.ts'
import { LifecycleError, requireMs } from '../errors.ts'
import { createEvents, settledKey } from '../events.ts'
import { createFollowedSignal, doubtListeners } from './followed-signal.ts'
import { buildGraph, hasServers, type Entry } from './graph.ts'
import type { AddOptions, Handle, Lifecycle, LifecycleOptions } from '../lifecycle.ts'
import { chosenIn } from './chosen.ts'
import { warnOfNoLameDuck } from './no-lame-duck.ts'
import { createNotices } from './notices.ts'
import { warningsToTell, type Planned } from './own-reserves.ts'
import { makePlan } from './plan.ts'
import { policyNames, resolvePolicy } from '../policy.ts'
import { createReadiness } from './readiness.ts'
import { tellPreStop } from './quiesce.ts'
import { requireOptions } from '../require-options.ts'
import { loopWasEmpty, requireReason, type Reason } from '../reason.ts'
import { requireCause } from '../cause.ts'
import type { Report } from '../report/report.ts'
import type { Resource } from '../resource.ts'
import { makeSchedule } from './schedule.ts'
import { startAll, type Start } from './start.ts'
import type { State } from '../state.ts'
import { createStop, type Stop } from './stop.ts'
import { unendedStart } from './unended-start.ts'
import { requireAddOptions, validateAdd } from './validate-add.ts'

/** Texts that `warn` keeps and tells: each is meant to be told once, and one that is never the same twice would be told for ever. */
const mostWarnings = 200

/** What a plan is made for before there is a reason. */
const platformSignal: Reason = { kind: 'signal', signal: 'SIGTERM', interactive: false }

/**
 * Makes a lifecycle: register resources, `start()` them, `stop()` them within one deadline. It owns all its
 * state, so that two of them in one process do not know of each other, and it never touches the process:
 * signals and the exit are `bindProcess`'s part.
 *
 * @throws LifecycleError `invalid-option` when the policy cannot work.
 */
export function createLifecycle(options: LifecycleOptions = {}): Lifecycle {
  requireOptions(options, { policy: true, clock: true, env: true }, 'createLifecycle()', Object.keys(policyNames).map((name) => `policy.${name}`))
  const clock = options.clock ?? systemClock
  const policy = resolvePolicy(options.policy, options.env)
  const chosen = chosenIn(options.policy)
  const entries = new Map<string, Entry>()
  const entryOf = new WeakMap<Handle, Entry>()
  const stopping = createFollowedSignal()
  const draining = createFollowedSignal()
  const warnings = new Set<string>()
  const doubters = new Set<Doubter>([() => doubtListeners('stopping', stopping, laterStops), () => doubtListeners('draining', draining, laterStops)])
  const events = createEvents(() => lifecycle)
  const readiness = createReadiness({
    clock,
    events,
    graceMs: policy.graceMs,
    onPreStop(announced) {
      events.emit({ type: 'pre-stop', announced })
      for (const { resource } of entries.values()) tellPreStop(resource, announced, (message) => lifecycle.warn(message))
    },
    isUp: () => state.name === 'ready',
    isStopping: () => stop !== undefined,
  })
  const endings = createEndings({
    events,
    isStopping: () => stop !== undefined,
    warn: (message) => lifecycle.warn(message),
    hold: (why) => void readiness.hold(why),
    stop: (detail) => void beginStop({ kind: 'programmatic', detail }),
  })
  let state: State = { name: 'starting' }
  let start: Start | undefined
  let startPromise: Promise<void> | undefined
  let stop: Stop | undefined
  /** Calls of `stop()` that found one under way, and may be awaited. */
  let laterStops = 0
  const notices = createNotices(clock, policy.graceMs)

  const lifecycle: Lifecycle = {
    policy,
    get state() {
      return state
    },
    get isReady() {
      return readiness.isReady
    },
    get heldBecause() {
      return readiness.heldBecause
    },
    stopping: stopping.signal,
    draining: draining.signal,
    add,
    start: () => (startPromise ??= startEverything()),
    check(options = {}) {
      const { timeoutMs = 1_000, only = () => true } = requireOptions(options, { timeoutMs: true, only: true }, 'check()')
      return runChecks(startedResources().filter(({ name }) => only(name)), clock, requireMs(timeoutMs, 'timeoutMs', 1))
    },
    holdNotReady: (why) => readiness.hold(why),
    preStop: () => readiness.preStop(),
    stop: (reason = { kind: 'programmatic' }) => beginStop(reason),
    force() {
      if (!stop) void beginStop({ kind: 'programmatic', detail: 'force() was called' })
      stop?.force()
    },
    shrinkTo,
    attribute(cause) {
      stop?.attribute(requireCause(cause))
    },
    warn(text) {
      const message = warnings.size < mostWarnings ? describeValue(text) : 'there are more warnings than are told'
      if (warnings.has(message)) return
      warnings.add(message)
      events.emit({ type: 'warning', message })
    },
    plan: () => planNow().plan,
    subscribe: (listener) => events.subscribe(listener),
    async [Symbol.asyncDispose]() {
      await beginStop({ kind: 'programmatic', detail: 'the lifecycle was disposed' })
    },
  }
  return Object.defineProperties(lifecycle, { [settledKey]: { value: () => Promise.all([events.settled(), stopping.settled(), draining.settled()]) }, [doubtersKey]: { value: doubters } })

  function add(resource: Resource, options: AddOptions = {}): Handle {
    const { needs, whenEnded } = requireAddOptions(options)
    const needed = needs.map((handle) => entryOf.get(handle))
    const entry = validateAdd(resource, needed, entries, state, startPromise !== undefined)
    entries.set(entry.resource.name, entry)
    const handle: Handle = { resource, remove: () => remove(entry) }
    entryOf.set(handle, entry)
    if (readiness.preStopElapsedMs() !== undefined) tellPreStop(entry.resource, true, (message) => lifecycle.warn(message))
    try {
      endings.watch(entry.resource, whenEnded)
    } catch (error) {
      // Nobody would have its handle.
      remove(entry)
      throw error
    }
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
    endings.forget(entry.resource)
  }

  async function startEverything(): Promise<void> {
    if (state.name !== 'starting') {
      throw new LifecycleError('wrong-state', `start() was called when the lifecycle was already "${state.name}"`)
    }
    let failure: LifecycleError | undefined
    start = startAll([...entries.values()], clock, events, stopping.signal, (error) => {
      failure = error
      void beginStop({ kind: 'fatal', origin: 'start', error })
    }, (message) => lifecycle.warn(message))
    await Promise.race([start.done, new Promise((resolve) => stopping.signal.addEventListener('abort', resolve))])
    await refuseAfterStop(failure)
    setState({ name: 'ready', sinceMs: clock.now() })
    for (const warning of warningsToTell(planNow(), policy, chosen)) events.emit({ type: 'warning', message: warning })
    readiness.tell('everything has started')
    // A listener may have begun one meanwhile.
    await refuseAfterStop()
  }

  async function refuseAfterStop(failure?: LifecycleError): Promise<void> {
    if (!stop) return
    await stop.report
    throw failure ?? new LifecycleError('start-failed', 'a stop began before everything had started; what had started was stopped again')
  }

  function beginStop(given: Reason): Promise<Report> {
    requireReason(given)
    if (stop) {
      laterStops += 1
      stop.repeat(given)
      return stop.report
    }
    const starting = given === loopWasEmpty ? (start?.underWay() ?? []) : []
    const reason: Reason = starting.length > 0 ? { kind: 'fatal', origin: 'start', error: unendedStart(starting) } : given
    // Kept before it begins: listeners and resources that it calls may call back.
    stop = createStop({
      reason,
      entries: [...entries.values()],
      policy,
      chosen,
      budget: withNotices(budgetFor(reason, policy, readiness.preStopElapsedMs())),
      clock,
      events,
      from: state.name === 'ready' ? 'ready' : 'starting',
      tellReadiness: (why) => readiness.tell(why),
      // Without start() there is no telling what is in use, so everything is drained.
      ended: endings.why,
      started: (entry) => (start && entry.resource.start ? start.started(entry) : true),
      planWarnings: planWarnings(),
      warnings,
      doubters,
      setState,
      stopping,
      draining,
    })
    stop.begin()
    return stop.report
  }

  function withNotices(budget: Budget): Budget {
    const first = notices.first()
    if (!first) return budget
    const leftMs = Math.max(0, first.deadline - clock.now())
    return leftMs < budget.ms ? { ...budget, ms: leftMs, source: first.why } : budget
  }

  function shrinkTo(leftMs: number, reason: string = 'shrinkTo()'): void {
    const why = describeValue(reason)
    const deadline = clock.now() + requireMs(leftMs, 'shrinkTo(leftMs)')
    if (!stop) {
      if (notices.add(deadline, why)) events.emit({ type: 'deadline-shrunk', leftMs, why })
      return
    }
    stop.moveDeadline(deadline, why)
    if ((state.name === 'lame-duck' || state.name === 'draining') && state.deadline > stop.deadline) {
      setState({ ...state, deadline: stop.deadline })
    }
  }

  /** The plan of a stop from the ready state, whatever the state is now. */
  function planNow(): Planned {
    const all = [...entries.values()]
    const budget = withNotices(budgetFor(platformSignal, policy, readiness.preStopElapsedMs()))
    const nodes = buildGraph(all, policy, hasServers(all) ? budget.lameDuck : undefined)
    const schedule = makeSchedule(nodes, budget.ms)
    return { plan: makePlan(nodes, schedule, budget, planWarnings()), nodes, schedule, budget }
  }

  function planWarnings(): string[] {
    return warnOfNoLameDuck(entries.values(), policy, chosen, options.env)
  }

  function startedResources(): Resource[] {
    return [...entries.values()].filter((entry) => !start || !entry.resource.start || start.started(entry) === true).map((entry) => entry.resource)
  }

  function setState(next: State): void {
    state = next
    events.emit({ type: 'state-changed', state })
  }
}
