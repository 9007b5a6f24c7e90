import { describeError } from '../describe-value.ts'
import type { Node } from './graph.ts'
import { describeMs } from '../duration.ts'
import type { Budget } from './budget.ts'
import type { Plan, PlanStep } from '../report/report.ts'
import type { Schedule, Slot } from './schedule.ts'

/**
 * The schedule of a whole stop as plain data, with what is wrong with it.
 *
 * @param more warnings of the service as a whole
 */
export function makePlan(nodes: readonly Node[], schedule: Schedule, budget: Budget, more: readonly string[] = []): Plan {
  const steps: PlanStep[] = []
  for (const node of nodes) {
    const slot = schedule.slots.get(node)
    if (slot && node.kind !== 'barrier') steps.push(planStep(node, slot))
  }
  steps.sort((a, b) => a.latestStartMs - b.latestStartMs)
  return {
    budgetMs: budget.ms,
    criticalPathMs: schedule.criticalPathMs,
    criticalPath: schedule.criticalPath.filter((node) => node.kind !== 'barrier').map((node) => node.name),
    scale: schedule.scale,
    steps,
    warnings: [...scaleWarnings(schedule, budget), ...more, ...resourceWarnings(nodes)],
  }
}

/** A node and its slot as plain data. */
export function planStep(node: Node, slot: Slot): PlanStep {
  return {
    name: node.name,
    phase: node.phase,
    drainFrom: node.kind === 'lame-duck' ? 'signal' : (node.entry?.resource.drainFrom ?? 'phase'),
    afterPhase: node.before.find((previous) => previous.kind === 'barrier')?.phase,
    after: node.before.filter((previous) => previous.kind !== 'barrier').map((previous) => previous.name),
    reserveMs: slot.reserveMs,
    timeoutMs: node.timeoutMs,
    forceMs: slot.forceMs,
    startMs: slot.startMs,
    latestStartMs: slot.latestStartMs,
    latestFinishMs: slot.latestFinishMs,
  }
}

/** What to do about reserves that do not fit; the short budget of a fatal stop is meant to be too small for them. */
export function scaleWarnings({ scale, criticalPath, criticalPathMs }: Schedule, { ms, source, isShort }: Budget): string[] {
  if (scale === 1 || isShort) return []
  const names = criticalPath.filter((node) => node.kind !== 'barrier').map((node) => node.name)
  return [
    `the reserves on the path ${names.join(' → ')} add up to ${describeMs(criticalPathMs)}, the budget is ${describeMs(ms)} (${source}, less the margin); ` +
      `every reserve was cut to ${Math.round(scale * 100)} %. Raise terminationGracePeriodSeconds, or lower the reserves.`,
  ]
}

function resourceWarnings(nodes: readonly Node[]): string[] {
  const warnings: string[] = []
  for (const node of nodes) for (const warning of warningsOf(node)) warnings.push(`${node.name}: ${warning}`)
  return warnings
}

/** A getter that throws must not break the stop that the plan is made for. */
function warningsOf({ entry }: Node): readonly string[] {
  try {
    return [...(entry?.resource.warnings ?? [])]
  } catch (error) {
    return [`warnings: ${describeError(error)}`]
  }
}
