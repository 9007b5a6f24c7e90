import { monitorEventLoopDelay } from 'node:perf_hooks'
import { beforeEach } from 'vitest'

/** A stop is a few timers and answers, one after the other. */
const oneAfterTheOther = 3

/**
 * For the tests of this file: returns what a bound of real time must be given besides, in ms, since the machine is busy with others. It is measured,
 * by how late a timer has run at most in this test.
 */
export function watchLateness(): () => number {
  const delays = monitorEventLoopDelay({ resolution: 10 })
  delays.enable()
  beforeEach(() => delays.reset())
  return () => oneAfterTheOther * (delays.max / 1e6)
}
