import type { Outcome, Report } from '../../src/lib/report/report.ts'
import type { Happened, HappenedStep, Point } from './happened.ts'
import type { Told } from './work.ts'

/** The clock is exact; only the sums of fractions differ. */
const epsilonMs = 1e-6

const results: readonly Report['result'][] = ['clean', 'interrupted', 'unknown', 'failed', 'forced']
const exitCodes: Record<Report['result'], number> = { clean: 0, interrupted: 143, unknown: 0, failed: 72, forced: 71 }

/** Returns what is wrong, or nothing. */
type Property = (happened: Happened) => string | undefined

/** What must hold of the work that resources count, and of those that die by themselves. */
export const workProperties = {
  'is clean only where nothing was lost': (happened) => {
    const { observed, steps } = happened
    if (observed.report?.result !== 'clean') return undefined
    if (observed.report.reason.kind === 'fatal') return 'an uncaught error began it'
    const odd = observed.report.steps.find(({ outcome }) => !['idle', 'drained', 'skipped'].includes(outcome))
    if (odd) return `${odd.name} was ${odd.outcome}`
    const { atFinish, atEnd } = observed.work
    const lost = steps.find(({ name, told }) => told?.outcome !== 'skipped' && [atFinish.get(name), atEnd.get(name)].some((each) => !['idle', 'drained'].includes(outcomeOfWork(each)) || isLost(each)))
    if (lost) return `${lost.name} has lost work`
    const [dead] = endedBefore(happened)
    return dead && `${dead} had ended before`
  },

  'has the worst result of what happened': (happened) => {
    const { observed, steps } = happened
    const { report } = observed
    if (!report) return undefined
    const stopped = observed.moments.findIndex((moment) => 'event' in moment && moment.event.type === 'state-changed' && moment.event.state.name === 'stopped')
    const repeatedFatal = observed.moments.slice(0, stopped).some((moment) => 'event' in moment && moment.event.type === 'stop-repeated' && moment.event.reason.kind === 'fatal')
    const all = [...(repeatedFatal || report.reason.kind === 'fatal' ? (['failed'] as const) : []), ...steps.flatMap((step) => resultsOf(happened, step))]
    const owed = results[Math.max(0, ...all.map((result) => results.indexOf(result)))] as Report['result']
    if (report.result !== owed) return `the result is ${report.result}; it should be ${owed}`
    const isLeft = report.steps.some(({ unfinished }) => (unfinished ?? 0) > 0)
    const code = report.reason.kind === 'fatal' ? 1 : owed === 'unknown' && isLeft ? exitCodes.interrupted : exitCodes[owed]
    return report.exitCode === code ? undefined : `the exit code is ${report.exitCode}; it should be ${code}`
  },

  'tells what became of the work': ({ observed: { work, report }, steps }) => {
    for (const { name, told } of steps) {
      const reported = report?.steps.find((step) => step.name === name)?.work
      const atFinish = work.atFinish.get(name)
      const owed = told?.outcome === 'skipped' ? undefined : atFinish
      if (!told || countsOf(told.work) !== countsOf(owed)) return `${name} was told with ${countsOf(told?.work)} when it was over; it was ${countsOf(owed)}`
      const end = owed && atEnd(owed, work.atEnd.get(name) as Told)
      if (report && countsOf(reported) !== countsOf(end)) return `${name} is reported with ${countsOf(reported)}; it was ${countsOf(end)}`
    }
    return undefined
  },

  'tells every death before the stop once, and none during it': (happened) => {
    const { observed } = happened
    const dead = endedBefore(happened)
    for (const name of new Set(observed.moments.flatMap((moment) => ('ended' in moment ? [moment.ended] : [])))) {
      const told = observed.moments.filter((moment) => 'event' in moment && moment.event.type === 'resource-ended' && moment.event.name === name).length
      const isOwed = accepted(happened).some((each) => each.name === name)
      if (told !== (isOwed ? 1 : 0)) return `${name} had ${isOwed ? '' : 'not '}ended before the stop, and that was told ${told} times`
    }
    for (const { name, outcome, errors } of observed.report?.steps ?? []) {
      const hasFailed = outcome === 'failed' || outcome === 'forced'
      const isTold = errors.includes(`it ended by itself before the stop: ${name} died on purpose`)
      if (dead.includes(name) !== isTold || (isTold && !hasFailed)) return `${name} had ${dead.includes(name) ? '' : 'not '}ended before the stop; it was ${outcome} (${errors.join('; ')})`
    }
    return undefined
  },

  'stops once where the service chose that': (happened) => {
    const { observed, world, begun } = happened
    const ofEndings = (type: 'stop-begun' | 'stop-repeated'): string[] =>
      observed.moments.flatMap((moment) => ('event' in moment && moment.event.type === type && moment.event.reason.kind === 'programmatic' && moment.event.reason.detail?.includes('has ended by itself') ? [moment.event.reason.detail] : []))
    const begins = observed.moments.filter((moment) => 'event' in moment && moment.event.type === 'stop-begun').length
    if (begins !== 1) return `a stop began ${begins} times`
    const stopping = accepted(happened).filter(({ name }) => endingOf(world, name)?.whenEnded === 'stop')
    const late = stopping.find(({ at }) => (begun?.atMs ?? Infinity) > at.atMs + happened.blockedMs(at.atMs, begun?.atMs ?? Infinity) + epsilonMs)
    if (late) return `${late.name} had ended at ${late.at.atMs}, and the stop began at ${begun?.atMs}`
    const calls = ofEndings('stop-begun').length + ofEndings('stop-repeated').length
    return calls === stopping.length ? undefined : `${stopping.length} endings were to stop the service, and ${calls} did`
  },

  'is never ready again where the service chose that': (happened) => {
    const { observed, world } = happened
    for (const { name, at } of accepted(happened)) {
      if (endingOf(world, name)?.whenEnded === 'tell') continue
      const told = observed.moments.findIndex((moment, index) => index > at.index && 'event' in moment && moment.event.type === 'warning' && moment.event.message.startsWith(`"${name}" has ended`))
      const ready = observed.moments.find((moment, index) => index > told && 'event' in moment && moment.isReady)
      if (ready) return `it was ready at ${ready.atMs}, though ${name} had ended at ${at.atMs}`
    }
    return undefined
  },

  'ends a step with its drain, whatever its tally says or does': ({ steps, blockedMs }) => {
    for (const { name, part, overran, finished, first } of steps) {
      const drained = first('drained')
      const end = overran ?? finished
      if (!part || !drained || !end) continue
      const excess = end.atMs - drained.atMs - blockedMs(drained.atMs, end.atMs)
      if (excess > epsilonMs) return `${name} was over ${excess} ms after its drain`
    }
    return undefined
  },
} satisfies Record<string, Property>

/** What the work makes of a step whose drain went well, or of one that went wrong in another way. */
export function outcomeOfWork(told: Told | undefined): Outcome {
  if (told === undefined) return 'idle'
  if (told === 'unreadable') return 'unknown'
  if (told.cut > 0) return 'forced'
  if (told.failed > 0) return 'failed'
  if (told.unknown > 0) return 'unknown'
  return told.done > 0 ? 'drained' : 'idle'
}

/** Nobody can tell of some of it. */
function isUnknown(told: Told | undefined): boolean {
  return told !== undefined && (told === 'unreadable' || told.unknown > 0)
}

/** Names of those whose step has failed, since they had died before. */
export function endedBefore(happened: Happened): string[] {
  return accepted(happened).map(({ name }) => name).filter((name) => happened.observed.registered.has(name))
}

/** The first death of each resource, where it was the service's and no stop had begun. */
function accepted({ observed, begun }: Happened): { readonly name: string; readonly at: Point }[] {
  const first = new Map<string, Point>()
  for (const [index, moment] of observed.moments.entries()) {
    if (!('ended' in moment) || !moment.isRegistered || first.has(moment.ended) || index > (begun?.index ?? Infinity)) continue
    first.set(moment.ended, { index, atMs: moment.atMs })
  }
  return [...first].map(([name, at]) => ({ name, at }))
}

function endingOf({ parts }: Happened['world'], name: string): Happened['world']['parts'][number]['ending'] {
  return parts[Number(name.slice(1))]?.ending
}

function resultsOf(happened: Happened, { name, part, told, overran, count, first }: HappenedStep): Report['result'][] {
  if (!part || !told) return []
  const { work } = happened.observed
  const ended = endedBefore(happened).includes(name) || part.during.quiesce.some((action) => action.do === 'throw')
  const failed: Report['result'][] = ended ? ['failed'] : []
  const left: Report['result'][] = (part.work?.unfinished ?? 0) > 0 ? ['interrupted'] : []
  if (told.outcome === 'skipped') return [...failed, ...left]
  if (overran) return ['forced']
  const threw = count('drain') === 1 && !first('drained')
  const counted = [work.atFinish.get(name), work.atEnd.get(name)]
  const isLate = counted.some((each) => isUnknown(each) || isRefused(each))
  return [
    ...failed,
    ...left,
    ...(threw ? (['failed'] as const) : []),
    ...counted.map(outcomeOfWork).filter((outcome) => outcome === 'forced' || outcome === 'failed'),
    ...(isLate ? (['unknown'] as const) : []),
  ]
}

function isLost(told: Told | undefined): boolean {
  return isUnknown(told) || isRefused(told)
}

function isRefused(told: Told | undefined): boolean {
  return told !== undefined && told !== 'unreadable' && told.refused > 0
}

/** What the report owes: whatever came after the step counts, too, but nothing twice: what was unknown is not done as well. */
function atEnd(atFinish: Told, end: Told): Told {
  const [then, now] = [atFinish, end].map((each) => (each === 'unreadable' ? untold : each)) as [Exclude<Told, string>, Exclude<Told, string>]
  const larger = (count: keyof typeof untold): number => Math.max(Number(then[count]), Number(now[count]))
  const done = Math.max(then.done, now.done - (larger('unknown') - now.unknown))
  return { done, failed: larger('failed'), cut: larger('cut'), refused: larger('refused'), unknown: larger('unknown'), reasons: now.reasons }
}

const untold = { done: 0, failed: 0, cut: 0, refused: 0, unknown: 1, reasons: [] }

function countsOf(told: Told | undefined): string {
  if (told === undefined) return 'no work'
  const { done, failed, cut, refused, unknown } = told === 'unreadable' ? untold : told
  return `${done} done, ${failed} failed, ${cut} cut, ${refused} refused, ${unknown} unknown`
}
