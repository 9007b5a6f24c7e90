import { expect, test } from 'vitest'
import { createTracker, type Tracker } from './tracker.ts'
import { closeWhenIdle, lateWorkMs, untilIdle } from './until-idle.ts'

const never = new AbortController().signal

/** What it resolves to is when. */
async function timed(waiting: Promise<void>): Promise<number> {
  const begunAt = performance.now()
  await waiting
  return performance.now() - begunAt
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

test('is over at once when nothing is in flight, and not in the same turn', async () => {
  let isOver = false
  const waiting = untilIdle(createTracker('pool'), never).then(() => (isOver = true))
  await Promise.resolve()
  expect(isOver).toBe(false)
  expect(await timed(waiting.then(() => {}))).toBeLessThan(lateWorkMs)
})

// Catches: a client that is closed between two commands of one handler.
test('code that awaits one call after another lets go between them, and is waited for to its end', async () => {
  const tracker = createTracker('redis')
  let done = 0
  const handler = (async () => {
    for (let n = 0; n < 50; n += 1) {
      await tracker.track(() => 'GET', turn)
      done += 1
      await turn()
    }
  })()
  await untilIdle(tracker, never)
  expect(done).toBe(50)
  await handler
})

test('hears of an end by onEnd, and asks by itself where nobody tells it', async () => {
  let subscribed = 0
  let count = 1
  let tell = (): void => {}
  const inHand = { count: () => count, begunBefore: () => count }
  const onEnd = (callback: () => void): (() => void) => {
    subscribed += 1
    tell = callback
    return () => void (subscribed -= 1)
  }
  const told = untilIdle({ ...inHand, onEnd }, never)
  await pause(20)
  expect(subscribed).toBe(1)
  count = 0
  tell()
  await told
  expect(subscribed).toBe(0)

  count = 1
  const asked = untilIdle(inHand, never)
  setTimeout(() => (count = 0), 20)
  await asked
})

test('rejects with the reason of the signal, before and during, and leaves nothing behind', async () => {
  const tracker = createTracker('pool')
  const end = tracker.begin(() => 'SELECT')
  const reason = new Error('its time is over')
  await expect(untilIdle(tracker, AbortSignal.abort(reason))).rejects.toBe(reason)
  const abort = new AbortController()
  const waiting = untilIdle(tracker, abort.signal)
  setTimeout(() => abort.abort(reason), 20)
  await expect(waiting).rejects.toBe(reason)
  let asked = 0
  const silent = new AbortController()
  const other = untilIdle({ count: () => (asked += 1), begunBefore: () => 1 }, silent.signal)
  await pause(20)
  silent.abort(reason)
  await expect(other).rejects.toBe(reason)
  const before = asked
  await pause(60)
  expect(asked).toBe(before)
  end()
})

/** Begins one call after another beside each other, so that never nothing is in flight; returns how to end it. */
function loop(tracker: Tracker): () => void {
  let isOver = false
  const poll = async (): Promise<void> => {
    while (!isOver) await tracker.track(() => 'poll', () => pause(20))
  }
  void poll()
  setTimeout(() => void poll(), 10)
  return () => (isOver = true)
}

test('a loop that nobody stops is let go 2 s after the last that was there at the beginning', async () => {
  const tracker = createTracker('pool')
  const end = tracker.begin(() => 'a long query')
  const stop = loop(tracker)
  setTimeout(end, 500)
  const tookMs = await timed(untilIdle(tracker, never))
  stop()
  expect(tracker.count()).toBeGreaterThan(0)
  expect(tookMs).toBeGreaterThan(500 + lateWorkMs - 20)
  expect(tookMs).toBeLessThan(500 + lateWorkMs + 2_000)
})

test('what was there at the beginning is waited for longer than 2 s, whatever comes beside it', async () => {
  const tracker = createTracker('pool')
  const end = tracker.begin(() => 'a long query')
  const stop = loop(tracker)
  let hasEnded = false
  setTimeout(() => {
    hasEnded = true
    end()
    stop()
  }, lateWorkMs + 500)
  await untilIdle(tracker, never)
  expect(hasEnded).toBe(true)
})

// Catches: what a loop has in hand at the close, left out of the drain; and a close before it was idle.
test('a close comes when all is done, and what is begun until then is waited for', async () => {
  const tracker = createTracker('orders')
  const said: string[] = []
  const first = tracker.track(() => 'first', async () => {
    await pause(20)
    said.push('first')
  })
  await closeWhenIdle(tracker, () => {
    said.push('close')
    void tracker.track(() => 'last', async () => {
      await pause(20)
      said.push('last')
    })
    tracker.close()
  }, never)
  await first
  expect(said).toEqual(['first', 'close', 'last'])
})

// Catches: an uncaught error in a turn of its own, with the drain waiting for its deadline.
test('rejects with what the count throws, at once and later', async () => {
  let calls = 0
  const broken = (on: number) => ({ begunBefore: () => 1, count: () => { if ((calls += 1) === on) throw new Error('no such pool'); return 1 } })
  for (const on of [1, 3]) {
    calls = 0
    await expect(untilIdle(broken(on), never)).rejects.toThrow('no such pool')
  }
})
