import type { Resource } from '@lameduck/core'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import type { Harness, Work } from '../src/index.ts'
import { collectSuite, failuresOf } from './collect-suite.ts'
import { lineHarness, type LineClient } from './line-client.ts'

const never = (): Promise<never> => new Promise(() => {})

/** What the one check says that uses the part of the harness that is broken. */
async function saidBy(check: string, broken: Partial<Harness<LineClient>>): Promise<string | undefined> {
  const suite = collectSuite({ harness: { ...lineHarness(true), ...broken }, settleMs: 400, watchMs: 10, harnessMs: 500 })
  const meant = suite.filter(({ name }) => name === check)
  expect(meant).toHaveLength(1)
  return (await failuresOf(meant)).get(check)
}

const idle = 'force settles within its bound: idle'
const busy = 'drain settles soon after it is aborted, with work in flight'
const frozen = 'drain settles soon after it is aborted, though the peer is frozen'
const dead = 'force settles within its bound: dead peer'
const counted = 'no connection is left at the peer after drain'
const failing = 'tally tells as failed, and why, what fails in the drain'
const ending = 'watch tells, once and why, that it has died for good'
const dropping = 'watch tells nothing of a connection that comes back'
const acknowledging = 'can be told of work that is done, after quiesce and until it drains'
const offered = 'goes on serving after quiesce, until it drains'

function withoutError({ id, answered }: ReturnType<LineClient['request']>, server: LineClient['server']): Work {
  return { outcome: answered.then(() => 'finished' as const, () => 'failed' as const), finish: () => server.release(id) }
}

describe('a mistake of the harness is told as one, with the call in which it was made', () => {
  test.each<[string, string, Partial<Harness<LineClient>>, string]>([
    ['create that throws', idle, { create: () => Promise.reject(new Error('no port')) }, "Error: the harness's create() failed: Error: no port"],
    ['create that hangs', idle, { create: never }, "Error: the harness's create() had not settled after 500 ms (harnessMs)"],
    ['create without a resource', idle, { create: () => ({}) as LineClient }, "Error: the harness's create() must resolve with an object that has the resource; it resolved with"],
    ['dispose that throws', idle, { dispose: () => Promise.reject(new Error('no such process')) }, "Error: the harness's dispose() failed: Error: no such process"],
    ['dispose that hangs', idle, { dispose: never }, "Error: the harness's dispose() had not settled after 500 ms (harnessMs)"],
    ['open that throws', idle, { open: () => Promise.reject(new Error('refused')) }, "Error: the harness's open() failed: Error: refused"],
    ['open that hangs', idle, { open: never }, "Error: the harness's open() had not settled after 500 ms (harnessMs)"],
    ['busy that throws', busy, { busy: () => Promise.reject(new Error('refused')) }, "Error: the harness's busy() failed: Error: refused"],
    ['busy that hangs', busy, { busy: never }, "Error: the harness's busy() had not settled after 500 ms (harnessMs); a resource that takes one unit of work after the other needs atOnce: 1"],
    ['busy without work', busy, { busy: () => undefined as never }, "Error: the harness's busy() must resolve with { outcome, finish }; it resolved with undefined (undefined)"],
    ['busy whose work ends by itself', busy, { busy: () => ({ outcome: Promise.resolve('finished'), finish() {} }) }, "Error: the harness's busy() gave work that finished before finish() was called: it must be in flight until then"],
    ['busy whose work has failed already', busy, { busy: () => ({ outcome: Promise.resolve('failed'), finish() {} }) }, "Error: the harness's busy() gave work that had failed before anything was done to the resource"],
    ['busy whose outcome rejects', busy, { busy: () => ({ outcome: Promise.reject(new Error('x')), finish() {} }) }, "Error: the harness's busy() gave work whose outcome rejected: Error: x; it must say 'failed'"],
    ['busy whose outcome says something else', busy, { busy: () => ({ outcome: Promise.resolve(true as never), finish() {} }) }, "Error: the harness's busy() gave work whose outcome must be 'finished', 'failed' or an Error; it was true (boolean)"],
    ['freeze that throws', frozen, { freeze: () => Promise.reject(new Error('x')) }, "Error: the harness's freeze() failed: Error: x"],
    ['thaw that hangs', 'force settles within its bound: frozen peer', { thaw: never }, "Error: the harness's thaw() had not settled after 500 ms (harnessMs)"],
    ['kill that hangs', dead, { kill: never }, "Error: the harness's kill() had not settled after 500 ms (harnessMs)"],
    ['connections that throw', counted, { connections: () => Promise.reject(new Error('x')) }, "Error: the harness's connections() failed: Error: x"],
    ['connections that are no number', counted, { connections: () => undefined as never }, "Error: the harness's connections() must resolve with a number; it resolved with undefined"],
    ['offer that throws', offered, { offer: () => Promise.reject(new Error('x')) }, "Error: the harness's offer() failed: Error: x"],
    ['offer that hangs', offered, { offer: never }, "Error: the harness's offer() had not settled after 500 ms (harnessMs)"],
    ['offer that says nothing', offered, { offer: () => Promise.resolve() as never }, "Error: the harness's offer() must resolve with true, false or an Error; it resolved with undefined"],
    ['busy whose outcome tells no error', 'what was cut is told that it was cut', { busy: ({ request, server }) => withoutError(request('work'), server) }, "Error: the harness's busy() does not tell the Error of its caller, which callers: 'here' is for"],
    ['offer that tells no error', 'what comes when it has drained is told that it is closed', { offer: async () => false }, "Error: the harness's offer() does not tell the Error of its caller, which callers: 'here' is for"],
    ['fail that throws', failing, { fail: () => Promise.reject(new Error('x')) }, "Error: the harness's fail() failed: Error: x"],
    ['fail that does nothing', failing, { fail: () => {} }, 'work that was made to fail had not failed 400 ms later: its caller waits for ever, or harness.fail does not reach it'],
    ['end that hangs', ending, { end: never }, "Error: the harness's end() had not settled after 500 ms (harnessMs)"],
    ['drop that drops nothing', dropping, { drop: () => 0 }, "Error: the harness's drop() must resolve with how many connections it closed, at least 1; it resolved with 0"],
    ['acknowledge that throws', acknowledging, { acknowledge: () => Promise.reject(new Error('x')) }, "Error: the harness's acknowledge() failed: Error: x"],
    ['acknowledge without an answer', acknowledging, { acknowledge: () => true as never }, "Error: the harness's acknowledge() must resolve with { answer, arrived }; it resolved with true (boolean)"],
    ['arrived that hangs', acknowledging, { acknowledge: () => ({ answer: Promise.resolve(), arrived: never }) }, "Error: the harness's arrived() had not settled after 500 ms (harnessMs)"],
  ])('%s', async (_mistake, check, broken, message) => {
    expect(await saidBy(check, broken)).toContain(message)
  })

  test('the same resource for every check', async () => {
    const harness = lineHarness(true)
    const one = await harness.create()
    const suite = collectSuite({ harness: { ...harness, create: () => one } }).filter(({ name }) => name === idle || name === 'force settles within its bound: drained')
    expect([...(await failuresOf(suite)).values()]).toEqual(["Error: the harness's create() resolved with a resource that it had given before; every check needs a new one"])
  })

  test('an error that dispose leaves to nobody', async () => {
    const harness = lineHarness(true)
    const message = await saidBy(idle, {
      async dispose(client) {
        await harness.dispose(client)
        void Promise.reject(new Error('late'))
      },
    })
    expect(message).toBe("Error: the harness's dispose() left errors that nobody handles: Error: late")
  })
})

// Work that takes longer than `watchMs` is served by no peer within it.
test.each<[string, string, Partial<Harness<LineClient>>, string]>([
  ['freeze', 'the harness: nothing is served by a frozen peer', { freeze: () => {} }, "offer() was served although its peer is frozen"],
  ['kill', 'the harness: nothing is served by a dead peer', { kill: () => {} }, "offer() was served although its peer is dead"],
  ['offer', 'the harness: nothing is served by a dead peer', { offer: () => Promise.resolve(false) }, "offer() was not served although nothing had been done to its peer"],
])('%s that does nothing is seen where work takes its time', async (_what, check, broken, message) => {
  const harness = lineHarness(true)
  const slowly = async (client: LineClient): Promise<boolean | Error> => {
    await new Promise((resolve) => setTimeout(resolve, 50))
    return harness.offer?.(client) ?? false
  }
  expect(await saidBy(check, { offer: slowly, ...broken })).toContain(`the harness's ${message}`)
})

test.each<[Partial<Resource>, string]>([
  [{ start: never }, 'start had not settled after 500 ms (harnessMs)'],
  [{ force: never }, 'force (idle) was still pending after 100 ms, its bound, and 200 ms more'],
])('what hangs is told to be the resource when it is', async (changes, message) => {
  const hanging = lineHarness(true, () => changes)
  expect(await saidBy(idle, { create: () => hanging.create() })).toBe(`AssertionError [ERR_ASSERTION]: ${message}`)
})

test('a promise of another realm, as Node gives them to what runs in jest, is one', async () => {
  const harness = lineHarness(true)
  const message = await saidBy(busy, {
    busy(client) {
      const work = harness.busy?.(client) as Work
      return { ...work, outcome: runInNewContext('new Promise((resolve) => outcome.then(resolve))', work as never) as Work['outcome'] }
    },
  })
  expect(message).toBeUndefined()
})

test('when a check fails and dispose after it, what the check found is told', async () => {
  const harness = lineHarness(true, () => ({ force: () => Promise.reject(new Error('no')) }))
  expect(await saidBy(idle, { create: () => harness.create(), dispose: never })).toMatch(/^AssertionError.*force \(idle\) threw: Error: no/)
})
