import type { Budget } from './budget.ts'
import type { Node } from './graph.ts'
import { scaleWarnings } from './plan.ts'
import type { Policy, PolicyOptions } from '../policy.ts'
import type { Plan } from '../report/report.ts'
import type { Schedule } from './schedule.ts'

export interface Planned {
  readonly plan: Plan
  readonly nodes: readonly Node[]
  readonly schedule: Schedule
  readonly budget: Budget
}

/**
 * The warnings of a plan that are told at every start and in every report. Defaults that do not fit share what time there is, of which there
 * is nothing to tell: `plan()` has it for who asks. A reserve that somebody has chosen is a promise that is not kept.
 *
 * @param options the policy as it was written
 */
export function warningsToTell({ plan, nodes, schedule, budget }: Planned, policy: Policy, options: PolicyOptions = {}): readonly string[] {
  return hasOwnReserves(nodes, policy, options) ? plan.warnings : plan.warnings.slice(scaleWarnings(schedule, budget).length)
}

function hasOwnReserves(nodes: readonly Node[], policy: Policy, { phases = {}, lameDuck = {} }: PolicyOptions): boolean {
  return nodes.some(({ kind, phase, reserveMs, entry }) => {
    if (reserveMs === 0) return false
    if (kind === 'lame-duck') return lameDuck.minMs !== undefined || lameDuck.maxMs !== undefined
    if (phase === undefined || entry === undefined) return false
    return phases[phase]?.reserveMs !== undefined || (entry.resource.reserveMs ?? policy.phases[phase].reserveMs) !== policy.phases[phase].reserveMs
  })
}
