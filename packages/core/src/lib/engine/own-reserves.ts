import type { Budget } from './budget.ts'
import type { Chosen } from './chosen.ts'
import type { Node } from './graph.ts'
import { scaleWarnings } from './plan.ts'
import type { Policy } from '../policy.ts'
import type { Plan } from '../report/report.ts'
import type { Schedule } from './schedule.ts'

/** Below this, defaults share too little. */
const leastScale = 0.25

export interface Planned {
  readonly plan: Plan
  readonly nodes: readonly Node[]
  readonly schedule: Schedule
  readonly budget: Budget
}

/**
 * The warnings of a plan that are told at every start and in every report. Defaults that do not fit share what time there is, of which there
 * is nothing to tell: `plan()` has it for who asks. A reserve that somebody has chosen is a promise that is not kept; and where less than a quarter is left of
 * each, the grace period may have been given in seconds.
 */
export function warningsToTell({ plan, nodes, schedule, budget }: Planned, policy: Policy, chosen: Chosen): readonly string[] {
  return schedule.scale < leastScale || hasOwnReserves(nodes, policy, chosen) ? plan.warnings : plan.warnings.slice(scaleWarnings(schedule, budget).length)
}

function hasOwnReserves(nodes: readonly Node[], policy: Policy, { reserves, lameDuckTime }: Chosen): boolean {
  return nodes.some(({ kind, phase, reserveMs, entry }) => {
    if (reserveMs === 0) return false
    if (kind === 'lame-duck') return lameDuckTime
    if (phase === undefined || entry === undefined) return false
    return reserves.has(phase) || (entry.resource.reserveMs ?? policy.phases[phase].reserveMs) !== policy.phases[phase].reserveMs
  })
}
