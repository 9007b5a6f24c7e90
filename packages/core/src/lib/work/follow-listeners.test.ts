import { EventEmitter, once } from 'node:events'
import { runInNewContext } from 'node:vm'
import { expect, onTestFinished, test } from 'vitest'
import { createLifecycle } from '../engine/create-lifecycle.ts'
import type { Lifecycle } from '../lifecycle.ts'
import { followListeners } from './follow-listeners.ts'
import { drainTracked, trackedWork } from './tracked-work.ts'
import { createTracker } from './tracker.ts'

const fix = 'message: its listener returned no promise, so nobody knows when its work is over: return the promise of what it begins, not `void f()`; if it begins nothing, make it async'

function followed(doubts: boolean = true): { lifecycle: Lifecycle; emitter: EventEmitter; waitingFor: () => readonly string[] } {
  const emitter = new EventEmitter()
  const tracker = createTracker('subscriber')
  const begin = followListeners(emitter, ['message'], tracker, { what: (event, values) => `${event} ${String(values[0])}`, doubts })
  const lifecycle = createLifecycle({ env: {}, policy: { graceMs: 5_000 } })
  lifecycle.add({ name: 'subscriber', phase: 'intake', ...drainTracked('subscriber', tracker, new AbortController()), quiesce: begin })
  return { lifecycle, emitter, waitingFor: tracker.waitingFor }
}

function whenTold(): { told: Promise<void>; tell: () => void } {
  let tell = (): void => {}
  const told = new Promise<void>((resolve) => (tell = resolve))
  return { told, tell }
}

test('a stop waits for what listeners have promised, names it, and counts it', async () => {
  const { lifecycle, emitter, waitingFor } = followed()
  const { told, tell } = whenTold()
  listen(emitter, () => told)
  listen(emitter, async () => {
    await told
  })
  emitter.emit('message', 'a')
  const stopped = lifecycle.stop()
  expect(waitingFor()).toEqual([expect.stringMatching(/^message a 0\.\d s$/), expect.stringMatching(/^message a /)])
  emitter.emit('message', 'b')
  setTimeout(tell, 30)
  expect(await stopped).toMatchObject({ result: 'clean', steps: [{ outcome: 'drained', inFlight: { atStop: 2 }, work: { done: 4, unknown: 0 } }] })
})

test('what a listener promised and did not keep fails the step, and is an unhandled rejection as before', async () => {
  const { lifecycle, emitter } = followed()
  const unhandled = nextUnhandled()
  const { told, tell } = whenTold()
  listen(emitter, async () => {
    await told
    throw new Error('the mail server is away')
  })
  emitter.emit('message', 'a')
  const stopped = lifecycle.stop()
  tell()
  expect(await stopped).toMatchObject({ result: 'failed', steps: [{ work: { failed: 1, reasons: ['message a: the mail server is away'] } }] })
  expect(await unhandled).toMatchObject({ message: 'the mail server is away' })
})

// Catches: work that is begun in a queue, a timer or a stream, whose answer is a number, an object or a boolean, called done.
test.each<[string, () => unknown]>([
  ['nothing', () => undefined],
  ['a number, as push() does', () => [].push()],
  ['an object, as setImmediate() does', () => setImmediate(() => {})],
  ['a boolean, as write() does', () => true],
  ['null', () => null],
])('a listener that returns %s makes the result unknown, and the report says what to do', async (_what, listener) => {
  const { lifecycle, emitter } = followed()
  emitter.on('message', listener)
  emitter.emit('message', 'a')
  emitter.emit('message', 'b')
  const stopped = lifecycle.stop()
  emitter.emit('message', 'c')
  expect(await stopped).toMatchObject({ result: 'unknown', exitCode: 0, steps: [{ outcome: 'unknown', work: { done: 0, unknown: 3, reasons: [`${fix} (×3)`] } }] })
})

test('what is no promise of this realm, but can be awaited, is waited for', async () => {
  const { lifecycle, emitter } = followed()
  listen(emitter, () => runInNewContext('new Promise((resolve) => setTimeout(resolve, 20))', { setTimeout }))
  emitter.emit('message', 'a')
  const stopped = lifecycle.stop()
  expect(await stopped).toMatchObject({ result: 'clean', steps: [{ work: { done: 1, unknown: 0 } }] })
})

test('nothing is doubted of a stop before which no message was heard, nor where messages bring no work', async () => {
  const silent = followed()
  silent.emitter.on('message', () => {})
  expect((await silent.lifecycle.stop()).result).toBe('clean')
  const cache = followed(false)
  cache.emitter.on('message', () => {})
  cache.emitter.emit('message', 'a')
  expect((await cache.lifecycle.stop()).result).toBe('clean')
})

test('what trackedWork() has wrapped is counted there, and nowhere else', async () => {
  const { lifecycle, emitter } = followed()
  const jobs = trackedWork('jobs')
  lifecycle.add(jobs)
  const { told, tell } = whenTold()
  emitter.on('message', jobs.wrap(() => told))
  emitter.once('message', jobs.wrap(async () => {}))
  emitter.emit('message', 'a')
  const stopped = lifecycle.stop()
  tell()
  const { result, steps } = await stopped
  expect(result).toBe('clean')
  expect(steps.map(({ name, work }) => [name, work?.done, work?.unknown])).toEqual([
    ['subscriber', 0, 0],
    ['jobs', 2, 0],
  ])
})

test('listeners see what they saw before: this, values, order, once, errors, and one that is removed meanwhile', () => {
  const plain = new EventEmitter()
  const { emitter } = followed()
  const sawOf = (each: EventEmitter): unknown[] => {
    const saw: unknown[] = []
    const removed = (): void => void saw.push('removed meanwhile')
    each.once('message', function first(this: unknown, ...values) {
      saw.push('once', this === each, ...values)
      each.off('message', removed)
    })
    each.on('message', removed)
    each.prependListener('message', () => void saw.push('prepended'))
    each.on('message', () => {
      saw.push('throws')
      throw new Error('no')
    })
    each.on('message', () => void saw.push('never'))
    for (const round of [1, 2]) {
      try {
        each.emit('message', round, 'two')
      } catch (error) {
        saw.push(String(error))
      }
    }
    return [...saw, each.listenerCount('message'), each.emit('other'), new EventEmitter().emit('message')]
  }
  const expected = sawOf(plain)
  expect(expected).toContain('removed meanwhile')
  expect(expected).not.toContain('never')
  expect(sawOf(emitter)).toEqual(expected)
})

test('events that are not followed are left alone', async () => {
  const { lifecycle, emitter } = followed()
  const heard = once(emitter, 'other')
  emitter.on('other', () => {})
  expect(emitter.emit('other', 1)).toBe(true)
  expect(await heard).toEqual([1])
  expect(await lifecycle.stop()).toMatchObject({ result: 'clean', steps: [{ outcome: 'idle' }] })
})

/** What a promise is returned to has no type for it. */
function listen(emitter: EventEmitter, listener: (...values: unknown[]) => unknown): void {
  emitter.on('message', listener)
}

/** The test runner's own listeners would fail the run. */
function nextUnhandled(): Promise<unknown> {
  const others = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  onTestFinished(() => {
    process.removeAllListeners('unhandledRejection')
    for (const each of others) process.on('unhandledRejection', each)
  })
  return new Promise((resolve) => process.once('unhandledRejection', resolve))
}

// Catches: a doubt about `on('message', (id) => { void work.run(…) })`, whose work is known and was waited for.
test('a listener that begins tracked work in its call is answered for, and one beside it is not', async () => {
  const { lifecycle, emitter } = followed()
  const work = trackedWork('orders')
  lifecycle.add(work)
  const { told, tell } = whenTold()
  emitter.on('message', () => {
    void work.run(() => told)
  })
  emitter.emit('message', 'a')
  emitter.on('message', () => void told)
  emitter.emit('message', 'b')
  const stopped = lifecycle.stop()
  tell()
  expect(await stopped).toMatchObject({ result: 'unknown', steps: [{ name: 'subscriber', work: { unknown: 1 } }, { name: 'orders', work: { done: 2, unknown: 0 } }] })
})

test('… but not by work that was never added, for which nobody waits', async () => {
  const { lifecycle, emitter } = followed()
  const work = trackedWork('forgotten')
  emitter.on('message', () => {
    void work.run(async () => {})
  })
  emitter.emit('message', 'a')
  expect(await lifecycle.stop()).toMatchObject({ result: 'unknown', steps: [{ work: { unknown: 1 } }] })
})
