import * as nodeTest from 'node:test'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { resourceSuite, type TestRunner } from '../src/index.ts'
import { collectSuite } from './collect-suite.ts'
import { createLineClient, lineHarness } from './line-client.ts'

test('the runners that people have fit', () => {
  expectTypeOf(test).toExtend<TestRunner>()
  expectTypeOf(nodeTest.test).toExtend<TestRunner>()
})

test('a check that is not applicable is skipped under a name that says why, and nothing else is skipped', () => {
  const able = lineHarness(false)
  const rest = Object.fromEntries(Object.entries(able).filter(([name]) => !['freeze', 'thaw', 'connections'].includes(name))) as unknown as typeof able
  const skipped = collectSuite({ harness: rest }).filter(({ skipped }) => skipped)
  expect(skipped.map(({ name }) => name)).toMatchInlineSnapshot(`
    [
      "start settles soon after it is aborted, though the peer is frozen (not applicable: no harness.freeze)",
      "check rejects soon after its signal aborts, though the peer is frozen (not applicable: no harness.freeze)",
      "goes on serving after quiesce, until it drains (not applicable: no harness.offer that serves after quiesce)",
      "drain settles soon after it is aborted, though the peer is frozen (not applicable: no harness.freeze)",
      "force settles within its bound: starting (not applicable: no harness.freeze)",
      "force settles within its bound: frozen peer (not applicable: no harness.freeze)",
      "force settles within its bound: frozen peer, with a drain waiting for it (not applicable: no harness.freeze)",
      "no connection is left at the peer after drain (not applicable: no harness.connections)",
      "no connection is left at the peer after force (not applicable: no harness.connections)",
    ]
  `)
})

describe('a harness that contradicts itself is refused at once', () => {
  const base = { members: [], create: () => createLineClient(false), dispose: () => {} }
  test('offer without afterQuiesce', () => {
    expect(() => resourceSuite({ test, harness: { ...base, offer: () => Promise.resolve(true) } })).toThrow('afterQuiesce')
  })
  test('afterQuiesce without offer', () => {
    expect(() => resourceSuite({ test, harness: { ...base, afterQuiesce: 'serves' } })).toThrow('has no offer')
  })
  test('freeze without thaw', () => {
    expect(() => resourceSuite({ test, harness: { ...base, freeze: () => {} } })).toThrow('no thaw')
  })
})
