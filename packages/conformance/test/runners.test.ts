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
  const skipped = collectSuite({ harness: rest, notApplicable: { 'inFlight is truthful': 'it counts otherwise' } }).filter(({ skipped }) => skipped)
  expect(skipped.map(({ name }) => name)).toMatchInlineSnapshot(`
    [
      "the harness: nothing is served by a frozen peer (not applicable: no harness.freeze)",
      "start settles soon after it is aborted, though the peer is frozen (not applicable: no harness.freeze)",
      "nothing is left of a start that was aborted, though the peer answers later: no timer, no socket (not applicable: no harness.freeze)",
      "check rejects soon after its signal aborts, though the peer is frozen (not applicable: no harness.freeze)",
      "nothing is left of a check that was cut off: no timer, no socket (not applicable: no harness.freeze)",
      "watch tells nothing of a frozen peer that answers again (not applicable: no harness.freeze)",
      "goes on serving after quiesce, until it drains (not applicable: no harness.offer that serves after quiesce)",
      "drain settles soon after it is aborted, though the peer is frozen (not applicable: no harness.freeze)",
      "drain with nothing in flight ends by itself, though the peer is frozen (not applicable: no harness.freeze)",
      "drain ends by itself although loops go on using it (not applicable: no harness.offer that serves after quiesce)",
      "drain serves a caller that makes one call after the other, to its last (not applicable: no harness.offer that serves after quiesce)",
      "nothing is in flight when drain has resolved, although loops go on using it (not applicable: no harness.offer that serves after quiesce)",
      "inFlight is truthful (not applicable: it counts otherwise)",
      "lastArrival tells when work last came after quiesce (not applicable: no harness.offer that serves after quiesce)",
      "tally tells as done what is served between quiesce and drain (not applicable: no harness.offer that serves after quiesce)",
      "tally counts once what a frozen peer answers after the cut (not applicable: no harness.freeze)",
      "tally and callers agree on what loops do that go on through the drain: done, or refused as closed (not applicable: no harness.offer that serves after quiesce)",
      "force settles within its bound: frozen peer (not applicable: no harness.freeze)",
      "force settles within its bound: frozen peer, with a drain waiting for it (not applicable: no harness.freeze)",
      "no connection is left at the peer after drain (not applicable: no harness.connections)",
      "no connection is left at the peer after force (not applicable: no harness.connections)",
      "nothing is left in the process after force with a frozen peer: no timer, no socket (not applicable: no harness.freeze)",
      "stays quiet after force with a frozen peer that answers again (not applicable: no harness.freeze)",
    ]
  `)
})

describe('a harness or an option that contradicts itself is refused at once', () => {
  const base = { members: [], create: () => createLineClient(false), dispose: () => {} }
  test.each<[string, object, string]>([
    ['no harness', { harness: undefined }, `must list the resource's optional members in "members"; it is undefined`],
    ['a member that there is not', { harness: { ...base, members: ['stop'] } }, `lists "stop" (string) in "members", which is none of start, check, preStop`],
    ['a part that there is not', { harness: { ...base, freez: () => {} } }, 'the conformance harness: the option freez is not known; did you mean freeze?'],
    ['a part that is no function', { harness: { ...base, open: true } }, 'must have a function open; it is true (boolean)'],
    ['an option that there is not', { harness: base, settlems: 1 }, 'resourceSuite(): the option settlems is not known; did you mean settleMs?'],
    ['a part of the harness beside it', { harness: base, freeze: () => {} }, 'the option freeze is not known; did you mean harness.freeze?'],
    ['no test', { harness: base, test: undefined }, 'test must be the test function of a runner, with skip; it is undefined'],
    ['a list of checks', { harness: base, notApplicable: 'all' }, 'notApplicable must be an object; it is "all" (string)'],
    ['no create', { harness: { ...base, create: undefined } }, 'must have the function create; it is undefined'],
    ['no dispose', { harness: { ...base, dispose: undefined } }, 'must have the function dispose; it is undefined'],
    ['offer without afterQuiesce', { harness: { ...base, offer: () => Promise.resolve(true) } }, 'afterQuiesce'],
    ['afterQuiesce without offer', { harness: { ...base, afterQuiesce: 'serves' } }, 'has no offer'],
    ['an afterQuiesce that there is not', { harness: { ...base, offer: () => Promise.resolve(true), afterQuiesce: 'refuse' } }, 'must have "refuses" or "serves" in afterQuiesce; it is "refuse" (string)'],
    ['nothing at once', { harness: { ...base, busy: () => {}, atOnce: 0 } }, 'must have 1 or 2 in atOnce; it is 0 (number)'],
    ['freeze without thaw', { harness: { ...base, freeze: () => {} } }, 'has freeze but no thaw'],
    ['fail without busy', { harness: { ...base, fail: () => {} } }, 'has fail but no busy'],
    ['end without watch', { harness: { ...base, end: () => {} } }, 'has end but no watch in its members'],
    ['callers that there are not', { harness: { ...base, callers: 'local' } }, 'must have "here" or "elsewhere" in callers; it is "local" (string)'],
    ['counts without busy', { harness: { ...base, counts: () => 1 } }, 'has counts but no busy'],
    ['a check that there is not', { harness: base, notApplicable: { nothing: 'why' } }, 'notApplicable has "nothing" (string), which is the name of no check'],
    ['a time that is none', { harness: base, settleMs: '1s' }, 'settleMs must be a number of milliseconds, at least 0; it is "1s" (string)'],
  ])('%s', (_what, options, message) => {
    expect(() => resourceSuite({ test, ...(options as { harness: typeof base & { members: [] } }) })).toThrow(message)
  })
})
