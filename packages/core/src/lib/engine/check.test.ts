import { expect, test } from 'vitest'
import { runCheck } from './check.ts'
import type { Resource } from '../resource.ts'
import { createFakeClock } from '../testing/fake-clock.ts'

function checked(name: string, check: NonNullable<Resource['check']>): Resource {
  return { name, phase: 'connections', drain: () => {}, check }
}

/** A check that never ends, and the signal that it was given. */
function hanging(): { readonly resource: Resource; readonly signal: () => AbortSignal | undefined } {
  let given: AbortSignal | undefined
  return { resource: checked('hangs', ({ signal }) => ((given = signal), new Promise(() => {}))), signal: () => given }
}

test('one that takes too long is told so by its signal, and not before', async () => {
  const clock = createFakeClock()
  const { resource, signal } = hanging()
  const running = runCheck(resource, clock, 50)
  await clock.advance(49)
  expect(signal()?.aborted).toBe(false)
  await clock.advance(1)
  await running
  expect(signal()?.reason).toMatchObject({ message: 'no answer within 50 ms' })
})

test('one that a stop ends is over at once, and told so', async () => {
  const clock = createFakeClock()
  const { resource, signal } = hanging()
  const stop = new AbortController()
  const running = runCheck(resource, clock, 50, stop.signal)
  await clock.advance(10)
  stop.abort()
  expect(await running).toEqual({ name: 'hangs', ok: false, tookMs: 10, error: 'a stop has begun' })
  expect(signal()?.reason).toMatchObject({ message: 'a stop has begun' })
  expect(clock.armed).toBe(0)
})

test.each<[string, NonNullable<Resource['check']>, object]>([
  ['answers', () => {}, { ok: true }],
  ['throws', () => { throw new TypeError('no') }, { ok: false, error: 'TypeError: no' }],
  ['rejects', () => Promise.reject(new Error('no')), { ok: false, error: 'no' }],
])('one that %s leaves no timer, and its signal alone', async (_what, check, result) => {
  const clock = createFakeClock()
  let given: AbortSignal | undefined
  const stop = new AbortController()
  const running = runCheck(checked('a', (context) => ((given = context.signal), check(context))), clock, 50, stop.signal)
  expect(await running).toEqual({ name: 'a', tookMs: 0, ...result })
  stop.abort()
  expect({ armed: clock.armed, aborted: given?.aborted }).toEqual({ armed: 0, aborted: false })
})

test('one that has overrun its time is not called again until it settles, and not forgotten for ever', async () => {
  const clock = createFakeClock()
  const asked: ((error?: Error) => void)[] = []
  const resource = checked('silent', () => new Promise((resolve, reject) => asked.push((error) => (error ? reject(error) : resolve()))))
  const run = async (settle?: () => void): Promise<unknown> => {
    const running = runCheck(resource, clock, 50)
    settle?.()
    await clock.advance(50)
    return running
  }
  const noAnswer = { ok: false, error: 'no answer within 50 ms' }
  for (let probe = 0; probe < 10; probe += 1) expect(await run()).toMatchObject(noAnswer)
  expect(asked).toHaveLength(1)
  // A late answer is an answer, and the next probe asks anew.
  expect(await run(() => asked[0]?.())).toMatchObject({ ok: true })
  expect(await run(() => asked[1]?.(new Error('no')))).toMatchObject({ ok: false, error: 'no' })
  expect(await run()).toMatchObject(noAnswer)
  await clock.advance(30_000)
  expect(await run()).toMatchObject(noAnswer)
  expect(asked).toHaveLength(4)
  asked[2]?.()
  expect(await run()).toMatchObject(noAnswer)
  expect(asked).toHaveLength(4)
})

test('one that obeys its signal is asked again at the next probe', async () => {
  const clock = createFakeClock()
  let calls = 0
  const resource = checked('obeys', ({ signal }) => {
    calls += 1
    return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  })
  for (let probe = 0; probe < 3; probe += 1) {
    const running = runCheck(resource, clock, 50)
    await clock.advance(50)
    expect(await running).toMatchObject({ ok: false, error: 'no answer within 50 ms' })
  }
  expect(calls).toBe(3)
})
