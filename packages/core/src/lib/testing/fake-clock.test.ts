import { expect, test } from 'vitest'
import { createFakeClock } from './fake-clock.ts'

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
