import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { causeOf } from './cause-of.ts'
import { readPod, type Pod } from './pod.ts'

/** A Pod as a Kubernetes 1.34 API server sent it, after the kubelet had begun to end it; only `managedFields` was left out. */
async function captured(name: string): Promise<Pod> {
  const json = await readFile(new URL(`../../test/fixtures/${name}.json`, import.meta.url), 'utf8')
  const { metadata } = JSON.parse(json) as { metadata: { name: string; namespace: string } }
  return readPod(json, { podName: metadata.name, namespace: metadata.namespace })
}

const plain = { uid: 'own', deletionMs: undefined, deletionGraceMs: undefined, graceMs: 30_000, signalComesFirst: true, disruption: undefined }
const notDeleted = 'the Pod is not being deleted: a failed liveness or startup probe, a restart in place, pressure or shutdown of the node, activeDeadlineSeconds, or a signal from inside'

describe('causeOf a captured Pod', () => {
  test.each([
    ['deletion', 'deletion', 'deleted (by a rollout, a scale-down, a person), with a grace period of 30 s'],
    ['deletion-5', 'deletion', "deleted (by a rollout, a scale-down, a person), with a grace period of 5 s instead of the Pod's own 30 s"],
    ['eviction', 'eviction', 'evicted through the API (a node drain, an autoscaler, a descheduler), with a grace period of 30 s (EvictionByEvictionAPI: Eviction API: evicting)'],
    ['taint', 'taint', 'deleted for a NoExecute taint of its node, with a grace period of 30 s (DeletionByTaintManager: Taint manager: deleting due to NoExecute taint)'],
    [
      'preemption',
      'preemption',
      'preempted by the scheduler for a Pod of higher priority, with a grace period of 30 s (PreemptionByScheduler: default-scheduler: preempting to accommodate a higher priority pod)',
    ],
    ['liveness', 'node-or-in-place', notDeleted],
    ['deadline', 'node-or-in-place', notDeleted],
  ])('%s', async (name, kind, detail) => {
    expect(causeOf(await captured(name))).toEqual({ kind, detail })
  })
})

describe('causeOf in doubt', () => {
  test('a disruption whose deletion has not come does not count as one', () => {
    const pod = { ...plain, disruption: { reason: 'EvictionByEvictionAPI', message: 'Eviction API: evicting' } }
    expect(causeOf(pod)).toEqual({ kind: 'node-or-in-place', detail: `${notDeleted} (EvictionByEvictionAPI: Eviction API: evicting)` })
  })

  test('a reason that nobody knows is quoted, and the deletion stays a deletion', () => {
    const pod = { ...plain, deletionMs: 0, disruption: { reason: 'DeletionByPodGC', message: 'x' } }
    const { kind, detail } = causeOf(pod)
    expect(kind).toBe('deletion')
    expect(detail).toMatch(/ \(DeletionByPodGC: x\)$/)
  })
})

describe('readPod', () => {
  test('tells whether the signal is the first thing that the kubelet does', async () => {
    const first = async (name: string): Promise<boolean> => (await captured(name)).signalComesFirst
    expect([await first('deletion'), await first('pre-stop'), await first('sidecar')]).toEqual([true, false, false])
  })
})
