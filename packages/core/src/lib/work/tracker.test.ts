import { expect, test } from 'vitest'
import { createTracker, type Tracker } from './tracker.ts'

function deferred(): { promise: Promise<string>; resolve: (value: string) => void; reject: (error: Error) => void } {
  let resolve = (_value: string): void => {}
  let reject = (_error: Error): void => {}
  const promise = new Promise<string>((...settle) => ([resolve, reject] = settle))
  return { promise, resolve, reject }
}

function counting(): Tracker {
  const tracker = createTracker('redis')
  tracker.tally.begin()
  return tracker
}

test('passes on what the work settles with, thrown at once too, and counts it; what returns no promise is unknown', async () => {
  const tracker = counting()
  const one = deferred()
  const results = Promise.allSettled([tracker.track(() => 'GET', () => one.promise), tracker.track(() => 'SET', () => 7), tracker.track(() => 'DEL', () => { throw new Error('no') })])
  expect(tracker.count()).toBe(3)
  one.resolve('value')
  expect(await results).toMatchObject([{ value: 'value' }, { value: 7 }, { reason: { message: 'no' } }])
  expect(tracker.count()).toBe(0)
  expect(tracker.tally.read()).toMatchObject({ done: 1, failed: 1, unknown: 1, reasons: expect.arrayContaining(['DEL: no', expect.stringMatching(/^SET: it returned no promise/)]) })
})

test('tells what it waits for, oldest first, and how much began before a moment', async () => {
  const tracker = counting()
  const endFirst = tracker.begin(() => 'BLPOP')
  const rest = deferred()
  await new Promise((resolve) => setTimeout(resolve, 5))
  const at = performance.now()
  await new Promise((resolve) => setTimeout(resolve, 5))
  const later = ['GET', 'SET'].map((what) => tracker.track(() => what, () => rest.promise))
  expect(tracker.waitingFor().map((text) => text.replace(/\d\.\d s$/, 'age'))).toEqual(['BLPOP age', 'GET age', 'SET age'])
  expect(tracker.begunBefore(at)).toBe(1)
  endFirst()
  expect(tracker.waitingFor()).toEqual([expect.stringMatching(/^GET 0\.\d s$/), expect.stringMatching(/^SET 0\.\d s$/)])
  expect(tracker.begunBefore(at)).toBe(0)
  rest.resolve('')
  await Promise.all(later)
  expect(tracker.waitingFor()).toEqual([])
})

test('what comes after the close is refused and not begun, and what is in hand goes on', async () => {
  const tracker = counting()
  const one = deferred()
  const inHand = tracker.track(() => 'GET', () => one.promise)
  tracker.close()
  let ran = false
  await expect(tracker.track(() => 'INCR', () => (ran = true))).rejects.toMatchObject({ code: 'closed', resource: 'redis', message: expect.stringContaining('INCR') })
  expect([ran, tracker.count()]).toEqual([false, 1])
  one.resolve('value')
  expect(await inHand).toBe('value')
  expect(tracker.tally.read()).toMatchObject({ done: 1, refused: 1, failed: 0 })
})

test('a cut rejects what is in hand, each once, and refuses the rest; its own end counts no more', async () => {
  const tracker = counting()
  const one = deferred()
  const inHand = tracker.track(() => 'GET', () => one.promise)
  const told: unknown[] = []
  const end = tracker.begin(() => 'SUBSCRIBE', (error) => told.push(error))
  tracker.cut()
  await expect(inHand).rejects.toMatchObject({ code: 'cut', resource: 'redis' })
  await expect(tracker.track(() => 'SET', () => 1)).rejects.toMatchObject({ code: 'closed' })
  one.reject(new Error('socket closed'))
  end(new Error('socket closed'))
  tracker.cut()
  await new Promise((resolve) => setImmediate(resolve))
  expect(told).toEqual([expect.objectContaining({ code: 'cut' })])
  expect(tracker.count()).toBe(0)
  expect(tracker.tally.read()).toMatchObject({ done: 0, failed: 0, cut: 2, refused: 1 })
})

test('an end that is told twice is counted once, and by its first word', () => {
  const tracker = counting()
  const end = tracker.begin(() => 'message')
  const other = tracker.begin(() => 'message')
  end()
  end(new Error('late'))
  other(undefined)
  other()
  expect(tracker.count()).toBe(0)
  // Whoever calls with something has failed, whatever it is.
  expect(tracker.tally.read()).toMatchObject({ done: 1, failed: 1, reasons: ['message: undefined'] })
})

test('calls back at every end, until it is told not to', async () => {
  const tracker = counting()
  const seen: number[] = []
  const unsubscribe = tracker.onEnd(() => seen.push(tracker.count()))
  const end = tracker.begin(() => 'one')
  const tracked = tracker.track(() => 'two', () => undefined)
  end()
  end()
  await tracked
  expect(seen).toEqual([1, 0])
  unsubscribe()
  tracker.begin(() => 'three')()
  expect(seen).toEqual([1, 0])
})

test('what ends with an answer of the other side is done, though it rejects; what got none has failed', async () => {
  const tracker = createTracker('shop', (error) => error instanceof RangeError)
  tracker.tally.begin()
  const refusal = new RangeError('too large')
  await expect(tracker.track(() => 'order', () => Promise.reject(refusal))).rejects.toBe(refusal)
  tracker.begin(() => 'order')(refusal)
  await expect(tracker.track(() => 'order', () => Promise.reject(new Error('lost')))).rejects.toThrow('lost')
  tracker.begin(() => 'order')(new Error('lost'))
  expect(tracker.tally.read()).toMatchObject({ done: 2, failed: 2, reasons: ['order: lost (×2)'] })
})

test('where nobody says what an answer is, every error is a failure', async () => {
  const tracker = createTracker('shop')
  tracker.tally.begin()
  await expect(tracker.track(() => 'order', () => Promise.reject(new RangeError('too large')))).rejects.toThrow()
  expect(tracker.tally.read()).toMatchObject({ done: 0, failed: 1 })
})
