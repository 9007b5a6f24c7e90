import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createLifecycle } from '../../src/lib/engine/create-lifecycle.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { live } from './live.ts'
import { world } from './world.ts'

const hourMs = 3_600_000

describe('the wall clock may jump:', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))
  afterEach(() => void vi.useRealTimers())

  test.each([hourMs, -hourMs])('by %i ms at every event, and the stop is the same', async (jumpMs) => {
    const jumping: typeof createLifecycle = (options) => {
      const lifecycle = createLifecycle(options)
      lifecycle.subscribe(() => void vi.setSystemTime(Date.now() + jumpMs))
      return lifecycle
    }
    for (const each of fc.sample(world, { seed: 15, numRuns: 200 })) {
      const { report } = await live(each, createLifecycle)
      const before = Date.now()
      const jumped = await live(each, jumping)
      expect(Math.abs(Date.now() - before)).toBeGreaterThanOrEqual(hourMs)
      expect({ ...jumped.report, startedAt: '' }).toEqual({ ...report, startedAt: '' })
    }
  })

  test.each([hourMs, -hourMs])('by %i ms, and the real clock has not', async (jumpMs) => {
    const before = systemClock.now()
    const fired = new Promise<void>((resolve) => void systemClock.setTimer(resolve, 20))
    vi.setSystemTime(Date.now() + jumpMs)
    await fired
    expect(systemClock.now() - before).toBeGreaterThanOrEqual(15)
    expect(systemClock.now() - before).toBeLessThan(hourMs / 2)
  })
})
