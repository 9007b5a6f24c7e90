import { describe, expect, test } from 'vitest'
import { notFound } from '../../test/support/api-server.ts'
import { causeOf } from './cause-of.ts'
import { explanationOf, readPod, saysGone, type Pod } from './pod.ts'

const asked = { podName: 'orders-1', namespace: 'shop' }

/** A Pod with one part replaced, by its path. */
function podWith(path: string, value: unknown): string {
  const pod = {
    kind: 'Pod',
    metadata: { name: 'orders-1', namespace: 'shop', uid: 'own', deletionTimestamp: '2026-01-01T00:00:10Z', deletionGracePeriodSeconds: 10 },
    spec: { terminationGracePeriodSeconds: 30, containers: [{ name: 'orders' }], initContainers: [] as unknown },
    status: { conditions: [] as unknown },
  }
  const keys = path.split('.')
  const last = keys.pop() ?? ''
  const parent = keys.reduce<Record<string, unknown>>((each, key) => each[key] as Record<string, unknown>, pod)
  parent[last] = value
  return JSON.stringify(pod)
}

const read = (path: string, value: unknown): Pod => readPod(podWith(path, value), asked)

describe('what moves the deadline must be right', () => {
  test.each<[string, unknown, string]>([
    ['kind', 'Status', 'the answer is not a Pod'],
    ['kind', ['Pod'], 'the answer is not a Pod'],
    ['metadata', null, 'the answer is another Pod than shop/orders-1'],
    ['metadata', [], 'the answer is another Pod than shop/orders-1'],
    ['metadata.name', 'orders-2', 'the answer is another Pod than shop/orders-1'],
    ['metadata.namespace', undefined, 'the answer is another Pod than shop/orders-1'],
    ['metadata.uid', undefined, 'the answer is a Pod without a uid'],
    ['metadata.uid', 7, 'the answer is a Pod without a uid'],
    ['metadata.uid', '', 'the answer is a Pod without a uid'],
    ['metadata.uid', 'a b', 'the answer is a Pod without a uid'],
    ['metadata.uid', 'x'.repeat(129), 'the answer is a Pod without a uid'],
    ['metadata.deletionGracePeriodSeconds', 1e308, "the Pod's deletionGracePeriodSeconds is 1e+308 (number)"],
    ['metadata.deletionGracePeriodSeconds', -1, "the Pod's deletionGracePeriodSeconds is -1 (number)"],
    ['metadata.deletionGracePeriodSeconds', '30', 'the Pod\'s deletionGracePeriodSeconds is "30" (string)'],
    ['metadata.deletionGracePeriodSeconds', 0.5, "the Pod's deletionGracePeriodSeconds is 0.5 (number)"],
    ['metadata.deletionGracePeriodSeconds', [1], "the Pod's deletionGracePeriodSeconds is a list of 1"],
    ['metadata.deletionTimestamp', 'soon', 'the Pod\'s deletionTimestamp is "soon" (string)'],
    ['metadata.deletionTimestamp', 0, "the Pod's deletionTimestamp is 0 (number)"],
    ['metadata.deletionTimestamp', '1', 'the Pod\'s deletionTimestamp is "1" (string)'],
    ['metadata.deletionTimestamp', '1970-01-01T00:00:00Z', 'the Pod\'s deletionTimestamp is "1970-01-01T00:00:00Z" (string)'],
    ['metadata.deletionTimestamp', '2026-13-45T00:00:00Z', 'the Pod\'s deletionTimestamp is "2026-13-45T00:00:00Z" (string)'],
    ['metadata.deletionTimestamp', '+275760-09-13T00:00:00Z', 'deletionTimestamp is'],
    ['metadata.deletionTimestamp', `2026${'\u001b'.repeat(1_000)}`, 'deletionTimestamp is'],
    ['spec', 'x', "the Pod's containers are a list of 0"],
    ['spec.containers', {}, "the Pod's containers are an object"],
    ['spec.containers', [null], "the Pod's containers are a list of 1"],
    ['spec.initContainers', 'x', 'the Pod\'s initContainers are "x" (string)'],
  ])('%s %j', (path, value, message) => {
    expect(() => read(path, value)).toThrow(message)
  })

  test.each(['', '[]', 'null', '"Pod"', '{"kind":"Pod"', '['.repeat(1_000_000), '{"__proto__":{"kind":"Pod"}}', '\u0000'])('what is not JSON, or not an object, is not a Pod: %#', (json) => {
    expect(() => readPod(json, asked)).toThrow()
  })
})

describe('what only explains counts as not there when it is wrong', () => {
  test.each([1e308, -1, '30', null, {}])('terminationGracePeriodSeconds %j', (value) => {
    expect(read('spec.terminationGracePeriodSeconds', value).graceMs).toBeUndefined()
  })

  test.each([[null], 'x', { 0: {} }, [{ type: 'DisruptionTarget', status: true }], [{ type: 'DisruptionTarget', status: 'False' }], [[]]])('conditions %j', (value) => {
    expect(read('status.conditions', value).disruption).toBeUndefined()
  })

  test.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])('a reason %s is a reason that nobody knows', (reason) => {
    const pod = read('status.conditions', [{ type: 'DisruptionTarget', status: 'True', reason, message: 'm' }])
    expect(causeOf(pod)).toEqual({ kind: 'deletion', detail: expect.stringContaining(`deleted (by a rollout, a scale-down, a person), with a grace period of 10 s instead of the Pod's own 30 s (${reason}: m)`) as string })
  })

  test('100,000 conditions take no time, and the last one counts', () => {
    const conditions = [...Array.from({ length: 100_000 }, () => ({})), { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' }]
    const began = performance.now()
    expect(causeOf(read('status.conditions', conditions)).kind).toBe('eviction')
    expect(performance.now() - began).toBeLessThan(2_000)
  })

  test('texts are one short line without control characters', () => {
    const evil = `\u001b[2J\u009b1m\r\n  ${' '.repeat(100_000)}\u202e${'x'.repeat(1_000_000)}`
    const { detail } = causeOf(read('status.conditions', [{ type: 'DisruptionTarget', status: 'True', reason: evil, message: evil }]))
    const explanation = explanationOf(JSON.stringify({ message: evil }))
    for (const text of [detail, explanation]) {
      expect(text).not.toMatch(/[\p{Cc}\u202e]/u)
      expect(text.length).toBeLessThan(2_000)
    }
  })
})

test.each<[unknown, boolean]>([
  [notFound, true],
  [{ ...notFound, details: { name: 'orders-2', kind: 'pods' } }, false],
  [{ ...notFound, details: { name: 'shop', kind: 'namespaces' } }, false],
  [{ ...notFound, reason: undefined }, false],
  [{ ...notFound, kind: 'Pod' }, false],
  [{ message: 'not found' }, false],
  [[], false],
])('a 404 with %j says that the Pod is gone: %s', (status, isGone) => {
  expect(saysGone(JSON.stringify(status), asked)).toBe(isGone)
})

test.each(['<html>404</html>', ''])('a 404 with %j says nothing of the Pod', (body) => expect(saysGone(body, asked)).toBe(false))
