import { expect, test } from 'vitest'
import type { Resource } from '../resource.ts'
import { createFakeClock } from '../testing/fake-clock.ts'
import { createLifecycle } from './create-lifecycle.ts'

const sigterm = { kind: 'signal', signal: 'SIGTERM', interactive: false } as const
const members = ['name', 'phase', 'drainFrom', 'timeoutMs', 'reserveMs', 'forceMs', 'start', 'check', 'watch', 'preStop', 'quiesce', 'inFlight', 'lastArrival', 'behind', 'waitingFor', 'tally', 'unfinished', 'drain', 'force'] as const

const whole: Required<Omit<Resource, 'warnings' | 'tally'>> = {
  name: 'odd',
  phase: 'work',
  drainFrom: 'phase',
  timeoutMs: 500,
  reserveMs: 300,
  forceMs: 50,
  start() {},
  check() {},
  watch() {},
  preStop() {},
  quiesce() {},
  inFlight: () => 0,
  lastArrival: () => undefined,
  behind: () => undefined,
  waitingFor: () => [],
  unfinished: () => 0,
  drain() {},
  force() {},
}

/** A resource whose member is `later` from a moment on. */
function changing(member: string, later: () => unknown): { readonly resource: Resource; readonly change: () => void } {
  let hasChanged = false
  const early = (whole as Record<string, unknown>)[member]
  const resource = Object.defineProperty({ ...whole }, member, { get: () => (hasChanged ? later() : early) })
  return { resource: resource as Resource, change: () => void (hasChanged = true) }
}

test.each(members)('a %s that throws when the stop has come changes nothing', async (member) => {
  const { resource, change } = changing(member, () => {
    throw new Error('the configuration is gone')
  })
  const clock = createFakeClock()
  const lifecycle = createLifecycle({ clock, env: {} })
  lifecycle.add({ name: 'db', phase: 'connections', drain() {} })
  lifecycle.add(resource)
  await lifecycle.start()
  change()
  const stopped = lifecycle.stop(sigterm)
  await clock.advance(100)
  const { result, steps } = await stopped
  expect({ result, steps: steps.map(({ name, timeoutMs, reserveMs, forceMs, errors }) => ({ name, timeoutMs, reserveMs, forceMs, errors })) }).toMatchObject({
    result: 'clean',
    steps: [{ name: 'odd', timeoutMs: 500, reserveMs: 300, forceMs: 50, errors: [] }, { name: 'db', errors: [] }],
  })
})

test('a resource that asks for more time later does not take it from another', async () => {
  const { resource, change } = changing('reserveMs', () => 1e9)
  const clock = createFakeClock()
  const lifecycle = createLifecycle({ clock, env: {}, policy: { graceMs: 11_000, marginMs: 1_000 } })
  lifecycle.add({ name: 'db', phase: 'connections', reserveMs: 3_000, drain: () => new Promise(() => {}), force() {} })
  lifecycle.add({ ...resource, drain: () => new Promise<void>(() => {}), force() {} })
  change()
  expect(lifecycle.plan().scale).toBe(1)
  const stopped = lifecycle.stop(sigterm)
  await clock.advance(10_000)
  const { steps } = await stopped
  expect(steps.find(({ name }) => name === 'db')).toMatchObject({ outcome: 'forced', reserveMs: 3_000 })
})

test.each(members)('a %s that cannot be read is refused when it is added, by its name', (member) => {
  const { resource, change } = changing(member, () => {
    throw new Error('not now')
  })
  change()
  expect(() => createLifecycle().add(resource)).toThrow(`a resource's ${member} cannot be read: not now`)
})

test('methods of a class are called as methods of their object, and the handle has the object', async () => {
  class Counter implements Resource {
    readonly name = 'counter'
    readonly phase = 'work'
    #drained = 0
    drain(): void {
      this.#drained += 1
    }
    get drained(): number {
      return this.#drained
    }
  }
  const counter = new Counter()
  const lifecycle = createLifecycle({ env: {} })
  expect(lifecycle.add(counter).resource).toBe(counter)
  await lifecycle.stop()
  expect(counter.drained).toBe(1)
})

// Catches: a class that keeps what a member tells in a field with an underscore, refused by add().
test('a field of its own with an underscore is not taken for a member written wrongly', () => {
  class Jobs implements Resource {
    readonly name = 'jobs'
    readonly phase = 'work'
    _inFlight = 0
    inFlight(): number {
      return this._inFlight
    }
    drain(): void {}
  }
  expect(createLifecycle({ env: {} }).add(new Jobs()).resource.name).toBe('jobs')
  expect(() => createLifecycle().add({ ...whole, inflight: () => 0 } as Resource)).toThrow('did you mean inFlight?')
})
