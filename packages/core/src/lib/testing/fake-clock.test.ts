import { expect, test } from 'vitest'
import { createFakeClock, type FakeClock } from './fake-clock.ts'

test('timers fire in the order in which they are due, each at its own time, and promises settle in between', async () => {
  const clock = createFakeClock(500)
  const log: string[] = []
  const at = (what: string): void => void log.push(`${what} ${clock.now()}`)
  clock.setTimer(() => at('later'), 20)
  clock.setTimer(() => {
    at('first')
    void Promise.resolve().then(() => clock.setTimer(() => at('armed in between'), 5))
  }, 10)
  clock.setTimer(() => at('same time, second'), 20)
  await clock.advance(20)
  expect(log).toEqual(['first 510', 'armed in between 515', 'later 520', 'same time, second 520'])
  expect(clock.now()).toBe(520)
  expect(clock.armed).toBe(0)
})

test('a cancelled timer does not fire and is not armed', async () => {
  const clock = createFakeClock()
  const cancel = clock.setTimer(() => expect.unreachable(), 10)
  expect(clock.armed).toBe(1)
  cancel()
  expect(clock.armed).toBe(0)
  await clock.advance(100)
})

test('a timer in the background fires, and is not counted', async () => {
  const clock = createFakeClock()
  let fired = false
  clock.setTimer(() => (fired = true), 10, true)
  expect(clock.armed).toBe(0)
  await clock.advance(10)
  expect(fired).toBe(true)
})

test('while the loop is blocked no timer fires; afterwards those that are due do, late and in order', async () => {
  const clock = createFakeClock()
  const log: string[] = []
  clock.setTimer(() => log.push(`b ${clock.now()}`), 40)
  clock.setTimer(() => log.push(`a ${clock.now()}`), 20)
  clock.setTimer(() => {
    clock.block(100)
    log.push(`blocked until ${clock.now()}`)
  }, 10)
  clock.setTimer(() => log.push(`c ${clock.now()}`), 120)
  await clock.advance(15)
  expect(log).toEqual(['blocked until 110', 'a 110', 'b 110'])
  expect(clock.now()).toBe(110)
  await clock.advance(10)
  expect(log.at(-1)).toBe('c 120')
})

test('calls that overlap are one after the other, also after one whose timer threw', async () => {
  const clock = createFakeClock()
  const log: number[] = []
  clock.setTimer(() => log.push(clock.now()), 12)
  clock.setTimer(() => void clock.advance(30).then(() => log.push(clock.now())), 5)
  const ends = [10, 20].map((ms) => clock.advance(ms).then(() => log.push(clock.now())))
  await Promise.all(ends)
  await clock.advance(0)
  expect(log).toEqual([10, 12, 30, 60])

  clock.setTimer(() => { throw new Error('no') }, 10)
  const [first, second] = await Promise.allSettled([clock.advance(15), clock.advance(100)])
  expect(first).toMatchObject({ status: 'rejected', reason: { message: 'no' } })
  expect(second).toMatchObject({ status: 'fulfilled' })
  expect(clock.now()).toBe(170)
})

test.each<[string, (clock: FakeClock, ms: never) => unknown]>([
  ['createFakeClock(startMs)', (_clock, ms) => createFakeClock(ms)],
  ['setTimer(delayMs)', (clock, ms) => clock.setTimer(() => {}, ms)],
  ['advance(ms)', (clock, ms) => clock.advance(ms)],
  ['block(ms)', (clock, ms) => clock.block(ms)],
])('%s takes numbers of milliseconds only, and is as it was', async (what, call) => {
  const clock = createFakeClock(10)
  const wrong = [NaN, '5', null, ...(what === 'createFakeClock(startMs)' ? [] : [undefined]), ...(what === 'setTimer(delayMs)' ? [] : [-1, Infinity])]
  for (const ms of wrong) {
    const message = expect.stringContaining(`${what} must be a number of milliseconds, at least 0; it is `) as string
    expect(() => call(clock, ms as never), String(ms)).toThrow(expect.objectContaining({ name: 'LifecycleError', code: 'invalid-option', message }))
  }
  let fired = false
  clock.setTimer(() => (fired = true), 5)
  await clock.advance(5)
  expect({ now: clock.now(), fired, armed: clock.armed }).toEqual({ now: 15, fired: true, armed: 0 })
})

test('a timer may be due in the past, as on the real clock, or never', async () => {
  const clock = createFakeClock()
  const log: string[] = []
  clock.setTimer(() => log.push('never'), Infinity)
  clock.setTimer(() => log.push('a second ago'), -1_000)
  await clock.advance(0)
  expect(log).toEqual(['a second ago'])
  await clock.advance(1e12)
  expect({ log, armed: clock.armed }).toEqual({ log: ['a second ago'], armed: 1 })
})
