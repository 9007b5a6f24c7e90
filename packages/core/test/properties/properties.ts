import { lameDuckStep, type Outcome } from '../../src/lib/report/report.ts'
import type { Happened, HappenedStep } from './happened.ts'
import { newest } from './live.ts'
import { forceEndOf } from './promises.ts'
import { endedBefore, outcomeOfWork, workProperties } from './work-properties.ts'

/** The worst first. */
const outcomes: readonly Outcome[] = ['forced', 'failed', 'unknown', 'skipped', 'drained', 'idle']

/** The clock is exact; only the sums of fractions differ. */
const epsilonMs = 1e-6

/** A start that is this late is not late (`run-stop.ts`), so a step may miss as much of its reserve. */
const resolutionMs = 1

/** Returns what is wrong, or nothing. */
type Property = (happened: Happened) => string | undefined

/** What must hold in every world. Each is checked on thousands of them, and each has mutants of the engine that it catches. */
export const properties = {
  'starts nothing before what it needs': ({ starts }) => {
    for (const { name, begun, before } of starts.values()) {
      const missing = begun && before.find((other) => (starts.get(other)?.done?.index ?? Infinity) > begun.index)
      if (missing) return `${name} began to start before ${missing} had started`
    }
    return undefined
  },

  'starts everything as soon as it may': ({ starts, begun, blockedMs }) => {
    for (const start of starts.values()) {
      const mayAt = Math.max(0, ...start.before.map((other) => starts.get(other)?.done?.atMs ?? Infinity))
      const at = (start.begun ?? begun)?.atMs ?? Infinity
      if (mayAt === Infinity) continue
      const idle = at - mayAt - blockedMs(mayAt, at)
      if (idle > epsilonMs) return `${start.name} might start at ${mayAt}, and ${start.begun ? 'waited' : 'never did until the stop'}, ${idle} ms`
    }
    return undefined
  },

  'starts nothing once a stop has begun': ({ starts, begun }) => {
    const late = [...starts.values()].find((start) => (start.begun?.index ?? 0) > (begun?.index ?? Infinity))
    return late && `${late.name} began to start after the stop had begun`
  },

  'accounts for every resource exactly once': ({ edges, observed: { report } }) => {
    const names = (report?.steps ?? []).map((step) => step.name).toSorted()
    const owed = [...edges.keys()].toSorted()
    return names.join() === owed.join() ? undefined : `the report has ${names.join()}; it owes ${owed.join()}`
  },

  'is over by the deadline': ({ observed: { report }, promises, begunAt, blockedMs }) => {
    if (!report) return 'it was never over'
    const deadline = promises.at(-1)?.deadline ?? 0
    const end = begunAt + report.tookMs
    const excess = end - deadline - blockedMs(deadline, end)
    if (excess > epsilonMs) return `it was over ${excess} ms after the deadline`
    return near(report.budgetMs, deadline - begunAt) ? undefined : `the report tells a budget of ${report.budgetMs} ms; it was ${deadline - begunAt}`
  },

  'moves the deadline earlier only': ({ observed: { deadlines }, promises }) => {
    const last = new Map<string, number>()
    for (const { name, deadline } of deadlines) {
      const before = last.get(name) ?? Infinity
      if (deadline > before + epsilonMs) return `the deadline of ${name || 'the stop'} moved from ${before} to ${deadline}`
      last.set(name, deadline)
    }
    const overall = last.get('') ?? 0
    return near(overall, promises.at(-1)?.deadline ?? 0) ? undefined : `the deadline ended at ${overall}; asked for was ${promises.at(-1)?.deadline}`
  },

  'begins everything in the tick of the signal': ({ observed: { moments }, edges, steps, run }) => {
    const begun = moments.findIndex((moment) => 'event' in moment && moment.event.type === 'stop-begun')
    for (const { name, part, told, started, count, first } of steps) {
      if (!part) continue
      if (count('quiesce') !== 1 || (first('quiesce')?.index ?? Infinity) > begun) return `${name} was not quiesced once, before any step`
      const isCritical = part.drainFrom === 'signal' && edges.get(name)?.length === 0 && told?.outcome !== 'skipped'
      if (isCritical && (started?.index ?? Infinity) > run) return `${name} drains from the signal on, and did not`
    }
    return undefined
  },

  'respects every edge': ({ edges, steps, forcedFrom, promisedAt }) => {
    const byName = new Map(steps.map((step) => [step.name, step]))
    for (const step of steps) {
      const begun = beginOf(step)
      if (!begun || begun.index > forcedFrom || begun.atMs >= promisedAt(begun.index).deadline) continue
      for (const before of edges.get(step.name) ?? []) {
        if ((byName.get(before)?.finished?.index ?? Infinity) > begun.index) return `${step.name} began before ${before} was over`
      }
    }
    return undefined
  },

  'begins every step as soon as it may': ({ edges, steps, begunAt, blockedMs }) => {
    const byName = new Map(steps.map((step) => [step.name, step]))
    for (const step of steps) {
      const begun = beginOf(step)
      if (!begun) return `${step.name} never began`
      const mayAt = Math.max(begunAt, ...(edges.get(step.name) ?? []).map((before) => byName.get(before)?.finished?.atMs ?? Infinity))
      const idle = begun.atMs - mayAt - blockedMs(mayAt, begun.atMs)
      if (idle > epsilonMs) return `${step.name} waited ${idle} ms for nothing`
    }
    return undefined
  },

  'gives every step its reserve': (happened) => {
    const { steps, observed, promises, promisedAt, forcedFrom } = happened
    for (const { name, part, started, overran, finished, first } of steps) {
      if (!part || !started || started.index > forcedFrom) continue
      const atStart = promisedAt(started.index)
      // Only a blocked event loop excuses a late start: it is the culprit then, and the report says so.
      if (observed.blocks.length > 0 && (started.atMs >= atStart.deadline || isLate(happened, name, started))) continue
      const end = first('aborted') ?? overran
      let owedUntil = started.atMs + Math.min(atStart.reserveMs.get(name) ?? 0, part.timeoutMs ?? Infinity)
      for (const promise of promises) {
        if (promise.from <= started.index || promise.from > (end ?? finished ?? { index: Infinity }).index) continue
        owedUntil = Math.min(owedUntil, promise.atMs + (promise.reserveMs.get(name) ?? 0))
      }
      if (!end || end.index > forcedFrom || (first('drained')?.index ?? Infinity) < end.index) continue
      // Not cut but failed: what threw has given its time up.
      if (!overran) continue
      if (end.atMs < owedUntil - resolutionMs - epsilonMs) return `${name} began at ${started.atMs} and was cut at ${end.atMs}; it was owed until ${owedUntil}`
    }
    return undefined
  },

  'records every late start, and no other': (happened) => {
    const { steps, observed, begunAt, isUncertain } = happened
    for (const { name, part, told, started } of steps) {
      if (!part || !told || !started || told.startedMs === undefined || isUncertain(started.index)) continue
      const byMs = latenessOf(happened, name, started)
      const isClear = Math.abs(byMs - resolutionMs) > 1e-3
      if (isClear && told.late !== byMs > resolutionMs) return `${name} began ${byMs} ms after its latest start, and late is ${told.late}`
      if (told.late && observed.blocks.length === 0) return `${name} began late at ${started.atMs - begunAt}, though nothing blocked the event loop`
    }
    return undefined
  },

  'has every step over at its latest finish': (happened) => {
    const { steps, promisedAt, blockedMs, isUncertain } = happened
    for (const { name, started, finished } of steps) {
      if (!started || !finished || isUncertain(started.index) || isLate(happened, name, started)) continue
      const latest = promisedAt(finished.index - 1).latestFinish.get(name) ?? Infinity
      const excess = finished.atMs - Math.max(latest, started.atMs) - blockedMs(started.atMs, finished.atMs)
      if (excess > resolutionMs + epsilonMs) return `${name} was over ${excess} ms after its latest finish`
    }
    return undefined
  },

  'forces once what overran or failed, and nothing else': ({ steps }) => {
    for (const step of steps) {
      const { name, part, told, overran, count } = step
      if (!part || !told) continue
      const owed = part.hasForce && (overran || (count('drain') === 1 && !hasEnded(step))) ? 1 : 0
      if (count('force') !== owed) return `${name} was ${told.outcome}, and force was called ${count('force')} times`
    }
    return undefined
  },

  'never waits for force beyond its bound': ({ steps, promises, blockedMs, isUncertain }) => {
    for (const { name, part, started, overran, finished, first } of steps) {
      const begun = overran ?? first('aborted')
      if (!part || !started || !begun || !finished) continue
      const until = isUncertain(started.index) ? begun.atMs + part.forceMs : forceEndOf(name, started.index, begun.index, begun.atMs, promises)
      const excess = finished.atMs - until - blockedMs(begun.atMs, finished.atMs)
      if (excess > epsilonMs) return `${name} was waited for ${excess} ms beyond the bound of its force`
    }
    return undefined
  },

  'tells the truth about every outcome': (happened) => {
    const { steps, blockedMs, observed } = happened
    const { report, work } = observed
    const dead = endedBefore(happened)
    for (const step of steps) {
      const wrong = step.part && step.told && lieOf(step, step.told.outcome, blockedMs)
      if (wrong) return `${step.name} was ${wrong}`
      const reported = report?.steps.find((each) => each.name === step.name)
      const hasFailed = dead.includes(step.name) || step.part?.during.quiesce.some((action) => action.do === 'throw')
      const sinceThen = step.told?.outcome === 'skipped' ? undefined : outcomeOfWork(work.atEnd.get(step.name))
      const owed = outcomes.find((outcome) => outcome === step.told?.outcome || outcome === sinceThen || (hasFailed && outcome === 'failed'))
      if (reported && reported.outcome !== owed) return `${step.name} was told as ${step.told?.outcome} and reported as ${reported.outcome}`
    }
    return undefined
  },

  'has the lame duck last as long as it must': (happened) => {
    const { observed, world, steps, begunAt, blockedMs, forcedFrom, promises, promisedAt, isUncertain } = happened
    const duck = steps.find((step) => step.name === lameDuckStep)
    const index = observed.moments.findIndex((moment) => 'event' in moment && moment.event.type === 'lame-duck-ended')
    const moment = observed.moments[index]
    if (!duck || !moment || !('event' in moment) || moment.event.type !== 'lame-duck-ended' || isUncertain(index)) return undefined
    const { minMs, quietMs, maxMs } = world.lameDuck
    const { tookMs, why } = moment.event
    const end = begunAt + tookMs
    const arrivals = [...observed.registered.values()].filter((part) => part.drainFrom === 'lame-duck-end').map((part) => part.arrivals)
    const last = arrivals.includes(undefined) ? Infinity : Math.max(begunAt, newest(arrivals.flatMap((each) => each ?? []), end) ?? 0)
    // A shrink can leave it more time than it had, since its own reserve is smaller by then; it is never moved later.
    const latest = Math.min(...promises.filter((each) => each.from <= index).map((each) => each.latestFinish.get(lameDuckStep) ?? Infinity))
    const early = {
      quiet: tookMs < minMs - epsilonMs || end - last < quietMs - epsilonMs,
      max: tookMs < maxMs - epsilonMs,
      deadline: end < latest - epsilonMs,
      forced: index < forcedFrom && end < promisedAt(index).deadline,
    }[why]
    if (early) return `it ended after ${tookMs} ms with "${why}", which had not come`
    // It looks at the arrivals when a timer fires, and so hears of a block's end only then.
    const begunMs = duck.started?.atMs ?? begunAt
    const owed = Math.min(begunMs + maxMs, latest, Math.max(begunMs + minMs, Math.max(begunMs, last) + quietMs))
    const excess = end - owed - blockedMs(begunAt, end)
    return excess > epsilonMs ? `it ended ${excess} ms after it could` : undefined
  },

  'leaves no timer armed': ({ observed: { armed } }) => (armed ? `${armed} timers were armed when it was over` : undefined),
  ...workProperties,
} satisfies Record<string, Property>

export type PropertyName = keyof typeof properties

/** Every property that one world breaks, with what is wrong. */
export function broken(happened: Happened): { readonly property: PropertyName; readonly what: string }[] {
  return Object.entries(properties).flatMap(([property, check]) => {
    const what = check(happened)
    return what === undefined ? [] : [{ property: property as PropertyName, what }]
  })
}

function beginOf({ started, finished }: HappenedStep): HappenedStep['started'] {
  return started ?? finished
}

function latenessOf({ promisedAt }: Happened, name: string, started: { index: number; atMs: number }): number {
  return started.atMs - (promisedAt(started.index).latestStart.get(name) ?? Infinity)
}

function isLate(happened: Happened, name: string, started: { index: number; atMs: number }): boolean {
  return latenessOf(happened, name, started) > resolutionMs
}

/** How the outcome contradicts what the resource was asked and what it did. */
function lieOf(step: HappenedStep, outcome: string, blockedMs: Happened['blockedMs']): string | undefined {
  const { overran, work, first, count } = step
  const drained = first('drained')
  const hasDrained = hasEnded(step)
  const told = `told as ${outcome}; its drain had ${hasDrained ? '' : 'not '}ended`
  if (hasDrained && !overran && hasStartedUp(step)) {
    const owed = outcomeOfWork(work)
    return outcome === owed ? undefined : `${told}, and by its work it was ${owed}`
  }
  switch (outcome) {
    case 'forced':
      // What ended in the tick of the cut: its promise had not been heard of.
      if (overran && drained && overran.atMs - drained.atMs - blockedMs(drained.atMs, overran.atMs) <= epsilonMs) return undefined
      return !hasDrained && (overran || outcomeOfWork(work) === 'forced') ? undefined : told
    case 'failed':
      return !hasDrained && !overran && count('drain') === 1 && outcomeOfWork(work) !== 'forced' ? undefined : told
    case 'skipped':
      return !hasStartedUp(step) && count('drain') === 0 && count('force') === 0 ? undefined : 'told as skipped, and had run'
    default:
      return `told as ${outcome}`
  }
}

/** Its drain ended before it was cut. */
function hasEnded({ overran, finished, first }: HappenedStep): boolean {
  const drained = first('drained')
  return drained !== undefined && drained.index < (overran ?? finished ?? { index: 0 }).index
}

/** It has no start, or one that succeeded. */
function hasStartedUp({ part, finished, first, count }: HappenedStep): boolean {
  if (count('start') === 0) return part?.startTakesMs === 0 && part.during.start.length === 0
  return (first('started')?.index ?? Infinity) < (finished?.index ?? 0)
}

function near(one: number, other: number): boolean {
  return Math.abs(one - other) <= epsilonMs
}
