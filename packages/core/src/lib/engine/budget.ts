import { describeMs } from '../duration.ts'
import { lameDuckAfterPreStop } from './lame-duck.ts'
import type { LameDuckPolicy, Policy } from '../policy.ts'
import { followsPreStop, hasLameDuck, type Reason } from '../reason.ts'

/** How long a stop may take, and who says so. */
export interface Budget {
  readonly ms: number
  readonly source: string
  /** What is left of the policy's lame duck after preStop; `undefined` where the reason has none. */
  readonly lameDuck: LameDuckPolicy | undefined
}

/**
 * D = grace − preStop − margin. What was measured of preStop wins over what the policy declares.
 *
 * @param measuredPreStopMs ms since the platform announced the end, if it did
 */
export function budgetFor(reason: Reason, policy: Policy, measuredPreStopMs?: number): Budget {
  const preStopMs = measuredPreStopMs ?? (followsPreStop(reason) ? policy.preStopMs : 0)
  const ms = Math.max(0, policy.graceMs - preStopMs - policy.marginMs)
  if (reason.kind === 'fatal' && policy.fatalMs < ms) return { ms: policy.fatalMs, source: 'policy.fatalMs', lameDuck: undefined }
  const preStop = preStopMs === 0 ? '' : ` − ${describeMs(preStopMs)} of preStop, ${measuredPreStopMs === undefined ? 'declared' : 'measured'}`
  const lameDuck = lameDuckAfterPreStop(policy.lameDuck, preStopMs)
  return {
    ms,
    source: `${policy.graceFrom}${preStop}`,
    lameDuck: hasLameDuck(reason) && lameDuck.maxMs > 0 ? lameDuck : undefined,
  }
}
