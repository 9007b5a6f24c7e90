import type { createLifecycle } from '../../src/lib/engine/create-lifecycle.ts'
import { LifecycleError } from '../../src/lib/errors.ts'
import { liveWork, type LiveWork, type Told } from './work.ts'
import type { LifecycleEvent } from '../../src/lib/events.ts'
import { createFakeClock } from '../../src/lib/testing/fake-clock.ts'
import type { Clock } from '../../src/lib/clock.ts'
import type { Handle } from '../../src/lib/lifecycle.ts'
import type { Reason } from '../../src/lib/reason.ts'
import type { Report } from '../../src/lib/report/report.ts'
import type { DrainContext, Resource } from '../../src/lib/resource.ts'
import { scriptedResource, type ScriptedCall } from '../../src/lib/testing/scripted-resource.ts'
import { placeOf, type Action, type Part, type World } from './world.ts'

/** One thing that happened. Their order is the order of what happened, also within a millisecond. */
export type Moment =
  | ScriptedCall
  | { readonly event: LifecycleEvent; readonly atMs: number; readonly isReady: boolean }
  /** Called `ended`. */
  | { readonly ended: string; readonly atMs: number; readonly isRegistered: boolean }
  /** `shrink`: asked for, with the deadline; `shrunk`: about to be applied; `run`: the tick of the signal is over. */
  | { readonly mark: 'force' | 'shrink' | 'shrunk' | 'run'; readonly atMs: number; readonly deadline?: number }

/** Everything that the properties look at. */
export interface Observed {
  readonly moments: readonly Moment[]
  /** `undefined`: the stop was never over. */
  readonly report: Report | undefined
  /** What was registered when the stop began. */
  readonly registered: ReadonlyMap<string, Part>
  readonly needs: ReadonlyMap<string, readonly string[]>
  /** What the tallies said when the step was over, and at the end of the stop. */
  readonly work: { readonly atFinish: ReadonlyMap<string, Told>; readonly atEnd: ReadonlyMap<string, Told> }
  readonly blocks: readonly { readonly fromMs: number; readonly toMs: number }[]
  /** Every deadline that anybody could read, in the order of reading; `''` is that of the whole stop. */
  readonly deadlines: readonly { readonly name: string; readonly deadline: number }[]
  /** Timers of the engine when the stop was over. */
  readonly armed: number | undefined
}

const reasons: Record<World['reason'], Reason> = {
  SIGTERM: { kind: 'signal', signal: 'SIGTERM', interactive: false },
  'Ctrl-C': { kind: 'signal', signal: 'SIGINT', interactive: true },
  fatal: { kind: 'fatal', origin: 'uncaughtException', error: new Error('uncaught') },
  programmatic: { kind: 'programmatic' },
}

export const marginMs = 500
export const fatalMs = 2_000

/** What is added while the service runs. */
const extra: Part = {
  phase: 'connections', drainFrom: 'phase', reserveMs: 100, timeoutMs: undefined, forceMs: 50, startTakesMs: 0, drainTakesMs: 0, forceTakesMs: 0,
  hasForce: true, ignoresAbort: false, arrivals: undefined, needs: [], during: { start: [], quiesce: [], drain: [], force: [] },
  work: undefined, ending: undefined,
}

/** Lives through one world, from `start()` until nothing can happen any more. */
export async function live(world: World, create: typeof createLifecycle): Promise<Observed> {
  const clock = createFakeClock()
  const own = countingClock(clock)
  const moments: Moment[] = []
  const parts = new Map<string, Part>()
  const needs = new Map<string, string[]>()
  const works = new Map<string, LiveWork>()
  const work = { atFinish: new Map<string, Told>(), atEnd: new Map<string, Told>() }
  const blocks: { fromMs: number; toMs: number }[] = []
  const deadlines: { name: string; deadline: number }[] = []
  const contexts = new Map<string, DrainContext>()
  const handles: Handle[] = []
  let registered: ReadonlyMap<string, Part> = new Map()
  let report: Report | undefined
  let armed: number | undefined
  let added = 0
  let hasBegun = false
  /** `undefined` until it is about to. */
  let hasRun: boolean | undefined

  const { graceMs, lameDuck } = world
  const lifecycle = create({ clock, env: {}, policy: { graceMs, marginMs, fatalMs, lameDuck } })
  for (const [index, part] of world.parts.entries()) {
    const wanted = handles.length === 0 ? [] : part.needs.map((need) => handles[need % handles.length] as Handle)
    add(`r${index}`, part, [...new Set(wanted)].filter((handle) => placeOf(handle.resource) >= placeOf(part)))
  }

  lifecycle.subscribe((event) => {
    moments.push({ event, atMs: clock.now(), isReady: lifecycle.isReady })
    readDeadlines()
    if (event.type === 'state-changed' && !hasBegun && 'deadline' in event.state) {
      hasBegun = true
      registered = new Map(parts)
    }
    if (event.type === 'stop-begun') {
      hasRun = false
      queueMicrotask(endFirstTick)
    }
    if (event.type === 'step-finished') tell(work.atFinish, event.step.name)
    if (event.type !== 'stopped') return
    for (const name of works.keys()) tell(work.atEnd, name)
    report = event.report
    armed = clock.armed - own.armed()
  })
  for (const { on, later, action } of world.listeners) {
    // More often it could call itself without end, which is nobody's fault but its own.
    let left = 2
    lifecycle.subscribe((event) => {
      if (event.type !== on || left-- <= 0) return
      if (later) queueMicrotask(() => actLater(action))
      else act(action)
    })
  }
  lifecycle.subscribe((event) => {
    if (event.type === 'deadline-shrunk') moments.push({ mark: 'shrunk', atMs: clock.now() })
  })

  for (const { atMs, action } of world.timeline) own.setTimer(() => actLater(action), atMs)
  lifecycle.start().catch(() => {})
  await clock.advance(world.stopAfterMs)
  maybeFirst(() => void lifecycle.stop(reasons[world.reason]))
  await clock.advance(graceMs + 100_000)
  return { moments, report, registered, needs, work, blocks, deadlines, armed }

  function add(name: string, part: Part, needed: readonly Handle[]): void {
    const handle = lifecycle.add(resourceOf(name, part), { needs: needed, ...(part.ending ? { whenEnded: part.ending.whenEnded } : {}) })
    handles.push(handle)
    parts.set(name, part)
    needs.set(name, needed.map((each) => each.resource.name))
  }

  /** The first tick is over when the call that began the stop returns, or in the next microtask when the engine began it. */
  function maybeFirst(call: () => void): void {
    const isFirst = !hasBegun
    call()
    if (isFirst) endFirstTick()
  }

  /** For what cannot be in the middle of the first tick. */
  function actLater(action: Action): void {
    endFirstTick()
    act(action)
  }

  function endFirstTick(): void {
    if (hasRun !== false) return
    hasRun = true
    moments.push({ mark: 'run', atMs: clock.now() })
  }

  function act(action: Action): void {
    switch (action.do) {
      case 'stop':
        return maybeFirst(() => void lifecycle.stop())
      case 'force':
        moments.push({ mark: 'force', atMs: clock.now() })
        return maybeFirst(() => lifecycle.force())
      case 'shrink':
        moments.push({ mark: 'shrink', atMs: clock.now(), deadline: clock.now() + action.leftMs })
        return lifecycle.shrinkTo(action.leftMs)
      case 'add':
        return unlessRefused(() => add(`extra${added++}`, extra, []))
      case 'remove':
        return unlessRefused(() => remove(handles[action.index % handles.length] as Handle))
      case 'block':
        blocks.push({ fromMs: clock.now(), toMs: clock.now() + action.ms })
        return clock.block(action.ms)
      case 'throw':
        throw new Error('thrown on purpose')
    }
  }

  function remove(handle: Handle): void {
    handle.remove()
    parts.delete(handle.resource.name)
  }

  function readDeadlines(): void {
    if ('deadline' in lifecycle.state) deadlines.push({ name: '', deadline: lifecycle.state.deadline })
    for (const [name, { deadline }] of contexts) deadlines.push({ name, deadline })
  }

  function tell(all: Map<string, Told>, name: string): void {
    const told = works.get(name)?.told()
    if (told) all.set(name, told)
  }

  function resourceOf(name: string, part: Part): Resource {
    const { arrivals, during, timeoutMs, hasForce, work: planned, ending, ...script } = part
    const counted = planned && liveWork(planned, own, act)
    if (counted) works.set(name, counted)
    let end = (): void => {}
    const all = (actions: readonly Action[], each = act) => (): void => actions.forEach(each)
    const scripted = scriptedResource({
      ...script,
      name,
      clock: own,
      calls: moments as ScriptedCall[],
      during: {
        ...(during.start.length > 0 ? { start: all(during.start, actLater) } : {}),
        quiesce: all(during.quiesce),
        drain: all(during.drain, actLater),
        force: all(during.force),
      },
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(arrivals === undefined ? {} : { lastArrival: () => newest(arrivals, clock.now()) }),
    })
    const resource: Resource = {
      ...scripted,
      ...counted?.members,
      ...(ending ? { watch } : {}),
      quiesce(context) {
        counted?.begin()
        if (ending?.at.includes('quiesce')) end()
        scripted.quiesce?.(context)
      },
      drain(context) {
        contexts.set(name, context)
        return scripted.drain(context)
      },
    }
    if (!hasForce) delete resource.force
    return resource

    function watch(ended: (why: unknown) => void): void {
      end = () => {
        moments.push({ ended: name, atMs: clock.now(), isRegistered: parts.has(name) })
        ended(new Error(`${name} died on purpose`))
      }
      for (const at of ending?.at ?? []) {
        if (at !== 'quiesce') own.setTimer(() => (endFirstTick(), maybeFirst(end)), at)
      }
    }
  }
}

/** The last of the times that is not in the future. */
export function newest(times: readonly number[], nowMs: number): number | undefined {
  const past = times.filter((at) => at <= nowMs)
  return past.length === 0 ? undefined : Math.max(...past)
}

function unlessRefused(action: () => void): void {
  try {
    action()
  } catch (error) {
    if (!(error instanceof Error) || error.name !== LifecycleError.name) throw error
  }
}

/** The same clock, that knows how many of the timers are the world's and not the engine's. */
function countingClock(clock: Clock): Clock & { armed(): number } {
  const timers = new Set<object>()
  return {
    now: () => clock.now(),
    setTimer(callback, delayMs) {
      const timer = {}
      timers.add(timer)
      const cancel = clock.setTimer(() => {
        timers.delete(timer)
        callback()
      }, delayMs)
      return () => {
        timers.delete(timer)
        cancel()
      }
    },
    armed: () => timers.size,
  }
}
