import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createEndpoints, type Endpoints } from './endpoints.ts'
import { createRandom } from './random.ts'

describe('endpoints', () => {
  let endpoints: Endpoints
  beforeEach(() => {
    vi.useFakeTimers()
    endpoints = createEndpoints({ random: createRandom(1), propagationMs: 500 })
    endpoints.add({ name: 'a', port: 1 }, true)
    endpoints.add({ name: 'b', port: 2 }, true)
  })
  afterEach(() => {
    endpoints.close()
    vi.useRealTimers()
  })

  const picked = (): string => [...new Set(Array.from({ length: 50 }, () => endpoints.pick()?.name ?? 'none'))].toSorted().join()

  it('picks among all that are ready', () => {
    expect(picked()).toBe('a,b')
  })

  it('follows a termination only after the propagation', () => {
    endpoints.setTerminating('a')
    vi.advanceTimersByTime(499)
    expect(picked()).toBe('a,b')
    vi.advanceTimersByTime(1)
    expect(picked()).toBe('b')
  })

  it('publishes a new endpoint only after the propagation', () => {
    endpoints.add({ name: 'c', port: 3 }, false)
    expect(picked()).toBe('a,b')
    vi.advanceTimersByTime(500)
    expect(picked()).toBe('a,b,c')
  })

  it('takes out what is not ready, and takes it in again', () => {
    endpoints.setReady('b', false)
    vi.advanceTimersByTime(500)
    expect(picked()).toBe('a')
    endpoints.setReady('b', true)
    vi.advanceTimersByTime(500)
    expect(picked()).toBe('a,b')
  })

  it('falls back to terminating endpoints that still say ready, when there is no other', () => {
    endpoints.setTerminating('a')
    endpoints.setTerminating('b')
    endpoints.setReady('a', false)
    vi.advanceTimersByTime(500)
    expect(picked()).toBe('b')
    endpoints.remove('b')
    vi.advanceTimersByTime(500)
    expect(picked()).toBe('none')
  })

  it('picks the same with the same seed', () => {
    const names = (seed: number): string => {
      const same = createEndpoints({ random: createRandom(seed), propagationMs: 0 })
      for (const name of ['a', 'b', 'c']) same.add({ name, port: 1 }, true)
      return Array.from({ length: 20 }, () => same.pick()?.name).join('')
    }
    expect(names(3)).toBe(names(3))
    expect(names(3)).not.toBe(names(4))
  })
})
