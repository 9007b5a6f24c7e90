import { describeMs } from '../duration.ts'
import { lameDuckAfterPreStop } from './lame-duck.ts'
import type { LameDuckPolicy, Policy } from '../policy.ts'
import { followsPreStop, hasLameDuck, type Reason } from '../reason.ts'

/** How long a stop may take, and who says so. */
export interface Budget {
  readonly ms: number
  readonly source: string
  /** Short by intention: a crash does not wait for everybody's reserve. */
  readonly isShort: boolean
  /** What is left of the policy's lame duck after preStop; `undefined` where the reason has none. */
  readonly lameDuck: LameDuckPolicy | undefined
}

/** Kubelet waits at least this long between the signal and SIGKILL, however long a hook has taken; in ms. */
const leastAfterHookMs = 2_000

/**
 * D = grace − preStop − margin. What was measured of preStop wins over what the policy declares, and leaves at least what
 * kubelet does. A signal that could not be handled when it came has used up time as well.
 *
 * @param measuredPreStopMs ms since the platform announced the end, if it did
 */
export function budgetFor(reason: Reason, policy: Policy, measuredPreStopMs?: number): Budget {
  const { graceMs, marginMs, fatalMs } = policy
  const declaredMs = followsPreStop(reason) ? policy.preStopMs : 0
  const preStopMs = measuredPreStopMs ?? declaredMs
  const leftMs = measuredPreStopMs === undefined ? graceMs - preStopMs : Math.max(graceMs - preStopMs, Math.min(leastAfterHookMs, graceMs))
  const agoMs = reason.kind === 'signal' ? (reason.agoMs ?? 0) : 0
  const ms = Math.max(0, leftMs - marginMs - agoMs)
  if (reason.kind === 'fatal' && fatalMs < ms) return { ms: fatalMs, source: 'policy.fatalMs', isShort: true, lameDuck: undefined }
  const preStop = preStopMs === 0 ? '' : ` − ${describeMs(preStopMs)} of preStop, ${measuredPreStopMs === undefined ? 'declared' : 'measured'}`
  const late = reason.kind === 'signal' && agoMs > 0 ? `, counted from ${reason.signal}, which came ${Math.round(agoMs)} ms before it could be handled` : ''
  const lameDuck = lameDuckAfterPreStop(policy.lameDuck, preStopMs)
  return {
    ms,
    source: `${policy.graceFrom}${preStop}${late}`,
    isShort: false,
    lameDuck: hasLameDuck(reason) && lameDuck.maxMs > 0 ? lameDuck : undefined,
  }
}
