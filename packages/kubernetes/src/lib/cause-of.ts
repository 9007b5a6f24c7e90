import type { Cause } from '@lameduck/core'
import type { Pod } from './pod.ts'

/** Reasons of `DisruptionTarget`, by who sets them: the API server, the taint eviction controller, the scheduler. A Map, since the reason is foreign. */
const disruptions: ReadonlyMap<string, { readonly kind: Cause['kind']; readonly detail: string }> = new Map([
  ['EvictionByEvictionAPI', { kind: 'eviction', detail: 'evicted through the API (a node drain, an autoscaler, a descheduler)' }],
  ['DeletionByTaintManager', { kind: 'taint', detail: 'deleted for a NoExecute taint of its node' }],
  ['PreemptionByScheduler', { kind: 'preemption', detail: 'preempted by the scheduler for a Pod of higher priority' }],
])

/**
 * Why a Pod whose container has just got its stop signal has to go.
 *
 * A deletion is a fact, since whoever deletes writes the timestamp, and the disruption's reason, before the kubelet hears
 * of it. Without a timestamp nothing more can be known: the kubelet holds its own reasons back until the containers have stopped.
 */
export function causeOf(pod: Pod): Cause {
  const { disruption } = pod
  if (pod.deletionMs === undefined) {
    const detail = 'the Pod is not being deleted: a failed liveness or startup probe, a restart in place, pressure or shutdown of the node, activeDeadlineSeconds, or a signal from inside'
    return { kind: 'node-or-in-place', detail: disruption ? `${detail}${quote(disruption)}` : detail }
  }
  const { kind, detail } = disruptions.get(disruption?.reason ?? '') ?? { kind: 'deletion', detail: 'deleted (by a rollout, a scale-down, a person)' }
  return { kind, detail: `${detail}${grace(pod)}${disruption ? quote(disruption) : ''}` }
}

function grace({ deletionGraceMs, graceMs }: Pod): string {
  if (deletionGraceMs === undefined) return ''
  const own = graceMs === undefined || graceMs === deletionGraceMs ? '' : ` instead of the Pod's own ${graceMs / 1_000} s`
  return `, with a grace period of ${deletionGraceMs / 1_000} s${own}`
}

function quote({ reason, message }: { readonly reason: string; readonly message: string }): string {
  return ` (${reason}: ${message})`
}
