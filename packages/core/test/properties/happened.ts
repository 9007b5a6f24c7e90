import { lameDuckStep, type StepReport } from '../../src/lib/report/report.ts'
import { phases } from '../../src/lib/resource.ts'
import type { ScriptedCall } from '../../src/lib/testing/scripted-resource.ts'
import type { Observed } from './live.ts'
import { edgesOf, lameDuckStartOf, owesLameDuck, promisesOf, type Edges, type Promised } from './promises.ts'
import type { Told } from './work.ts'
import type { Part, World } from './world.ts'

/** A point in what happened. */
export interface Point {
  readonly index: number
  readonly atMs: number
}

/** One step, as the moments tell it. */
export interface HappenedStep {
  readonly name: string
  /** `undefined` for the lame duck. */
  readonly part: Part | undefined
  readonly started: Point | undefined
  readonly overran: Point | undefined
  readonly finished: Point | undefined
  /** As it was told when it was over, before the report was made. */
  readonly told: StepReport | undefined
  /** What its tally said then. */
  readonly work: Told | undefined
  readonly first: (call: ScriptedCall['call']) => Point | undefined
  readonly count: (call: ScriptedCall['call']) => number
}

/** One start. */
export interface HappenedStart {
  readonly name: string
  readonly begun: Point | undefined
  /** With its check; never when it failed. */
  readonly done: Point | undefined
  /** What must have started before: what it needs, and the phases that stop after its own. */
  readonly before: readonly string[]
}

/** What happened in one world, sorted by step, beside what was promised. */
export interface Happened {
  readonly world: World
  readonly observed: Observed
  readonly owesLameDuck: boolean
  readonly edges: Edges
  readonly promises: readonly Promised[]
  readonly starts: ReadonlyMap<string, HappenedStart>
  readonly steps: readonly HappenedStep[]
  /** The first that anybody could hear of the stop. */
  readonly begun: Point | undefined
  readonly begunAt: number
  /** Index of the first `force()` from outside of a step: from there on every order and reserve is off. */
  readonly forcedFrom: number
  /** Index of the end of the first tick. */
  readonly run: number
  /** A shrink was asked for in the first tick, and applied somewhere in it: before its end there is no telling which promises counted. */
  readonly isUncertain: (index: number) => boolean
  /** The promises that counted at a moment. */
  readonly promisedAt: (index: number) => Promised
  /** How long the event loop was blocked between two times, in ms. */
  readonly blockedMs: (fromMs: number, toMs: number) => number
}

export function sortOut(observed: Observed, world: World): Happened {
  const { moments, blocks, registered } = observed
  const lameDuck = owesLameDuck(observed, world)
  const edges = edgesOf(observed, lameDuck)
  const promises = promisesOf(observed, world, edges)
  const find = (is: (moment: Observed['moments'][number]) => boolean): Point | undefined => {
    const index = moments.findIndex(is)
    const moment = moments[index]
    return moment && { index, atMs: moment.atMs }
  }
  const onEvent = (type: string, name: string): Point | undefined =>
    find((moment) => {
      if (!('event' in moment) || moment.event.type !== type) return false
      return 'step' in moment.event ? moment.event.step.name === name : 'name' in moment.event && moment.event.name === name
    })

  const told = find((moment) => 'event' in moment && moment.event.type === 'stop-begun')
  const lameDuckStarted = told && { index: told.index, atMs: lameDuckStartOf(moments) ?? told.atMs }
  const steps = [...edges.keys()].map((name): HappenedStep => {
    const finished = onEvent('step-finished', name)
    const last = finished && moments[finished.index]
    return {
      name,
      part: registered.get(name),
      started: name === lameDuckStep ? lameDuckStarted : onEvent('step-started', name),
      overran: onEvent('step-overran', name),
      finished,
      told: last && 'event' in last && last.event.type === 'step-finished' ? last.event.step : undefined,
      work: observed.work.atFinish.get(name),
      first: (call) => find((moment) => 'call' in moment && moment.name === name && moment.call === call),
      count: (call) => moments.filter((moment) => 'call' in moment && moment.name === name && moment.call === call).length,
    }
  })

  const initial = world.parts.map((part, index) => ({ name: `r${index}`, phase: phases.indexOf(part.phase) }))
  const starts = initial.map(({ name, phase }): HappenedStart => {
    const before = initial.filter((other) => other.phase > phase || observed.needs.get(name)?.includes(other.name)).map((other) => other.name)
    return { name, begun: onEvent('resource-starting', name), done: onEvent('resource-started', name), before }
  })

  const run = find((moment) => 'mark' in moment && moment.mark === 'run')?.index ?? Infinity
  return {
    world,
    observed,
    owesLameDuck: lameDuck,
    edges,
    promises,
    starts: new Map(starts.map((start) => [start.name, start])),
    steps,
    begun: find((moment) => 'event' in moment && moment.event.type === 'state-changed' && 'reason' in moment.event.state),
    begunAt: promises[0]?.atMs ?? 0,
    forcedFrom: find((moment) => 'mark' in moment && moment.mark === 'force')?.index ?? Infinity,
    run,
    isUncertain: (index) => index < run && promises[1]?.from === run,
    promisedAt: (index) => promises.findLast((each) => each.from <= index) ?? (promises[0] as Promised),
    blockedMs: (fromMs, toMs) => blocks.reduce((sum, block) => sum + Math.max(0, Math.min(toMs, block.toMs) - Math.max(fromMs, block.fromMs)), 0),
  }
}
