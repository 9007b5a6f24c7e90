import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { createLifecycle } from './engine/create-lifecycle.ts'
import { LifecycleError } from './errors.ts'
import type { LifecycleOptions } from './lifecycle.ts'
import { bindProcess } from './process/bind-process.ts'
import { childProcess, clusterWorkers } from './process/child-processes.ts'
import { renderReport } from './report/render-report.ts'
import { closest, requireOptions } from './require-options.ts'
import { telemetry } from './telemetry.ts'
import { createFakeProcess } from './testing/fake-process.ts'
import { schedule } from './work/schedule.ts'
import { trackedWork } from './work/tracked-work.ts'

const stranger = { strange: 1 } as object
const lifecycle = createLifecycle()
const report = await createLifecycle().stop()

describe('an option that is not known is refused by', () => {
  test.each<[string, () => unknown]>([
    ['createLifecycle()', () => createLifecycle(stranger)],
    ['policy', () => createLifecycle({ policy: stranger })],
    ['policy.lameDuck', () => createLifecycle({ policy: { lameDuck: stranger } })],
    ['policy.phases', () => createLifecycle({ policy: { phases: stranger } })],
    ['policy.phases.work', () => createLifecycle({ policy: { phases: { work: stranger } } })],
    ['policy.exitCodes', () => createLifecycle({ policy: { exitCodes: stranger } })],
    ['bindProcess()', () => bindProcess(lifecycle, { process: createFakeProcess(), ...stranger })],
    ['add()', () => lifecycle.add({ name: 'a', phase: 'work', drain() {} }, stranger)],
    ['check()', () => lifecycle.check(stranger)],
    ['trackedWork("a")', () => trackedWork('a', stranger)],
    ['schedule("a")', () => schedule('a', async () => {}, 1_000, stranger)],
    ['telemetry("a")', () => telemetry('a', { flush() {}, ...stranger })],
    ['childProcess()', () => childProcess({ exitCode: null, signalCode: null, kill: () => true, once() {} }, stranger)],
    ['clusterWorkers()', () => clusterWorkers({ isPrimary: true, on() {} }, stranger)],
    ['renderReport()', () => renderReport(report, stranger)],
  ])('%s', (where, call) => {
    expect(call).toThrow(LifecycleError)
    expect(call).toThrow(`${where}: the option strange is not known; known are `)
  })
})

test.each([
  [{ graceMs: 10_000 }, 'createLifecycle(): the option graceMs is not known; did you mean policy.graceMs? Known are policy, clock, env'],
  [{ Policy: {} }, 'the option Policy is not known; did you mean policy?'],
  [{ polciy: {} }, 'the option polciy is not known; did you mean policy?'],
  [{ policy: { grace: 1 } }, 'policy: the option grace is not known; did you mean graceMs?'],
  [{ policy: { lameDuck: { minMS: 1 } } }, 'did you mean minMs?'],
])('what was probably meant is suggested: %j', (options, message) => {
  expect(() => createLifecycle(options as LifecycleOptions)).toThrow(message)
})

test.each<[string, unknown]>([
  ['a Map', new Map([['graceMs', 1]])],
  ['a Date', new Date()],
  ['an array', [{ policy: {} }]],
  ['a text', 'policy.json'],
  ['nothing', null],
  ['a function', () => ({})],
])('%s is no object of options', (_what, options) => {
  expect(() => createLifecycle(options as LifecycleOptions)).toThrow('createLifecycle() takes an object of options; it was given ')
  expect(() => createLifecycle({ policy: options as object })).toThrow('policy takes an object of options; it was given ')
})

test('objects of a class, of another realm and without a prototype have options', () => {
  class Config {
    readonly graceMs = 5_000
  }
  for (const policy of [new Config(), runInNewContext('({ graceMs: 5000 })') as object, Object.assign(Object.create(null) as object, { graceMs: 5_000 })]) {
    expect(createLifecycle({ policy }).policy.graceMs).toBe(5_000)
  }
})

test('names that Object itself has are not known', () => {
  expect(() => requireOptions({ constructor: 1, toString: 1 } as object, {}, 'x()')).toThrow('the option constructor is not known')
  expect(() => requireOptions(JSON.parse('{"__proto__":{"a":1}}') as object, {}, 'x()')).toThrow('the option __proto__ is not known')
})

test('a name that is far from all suggests none, however long it is', () => {
  expect(closest('x'.repeat(1_000_000), ['graceMs'])).toBeUndefined()
  expect(closest('a', ['graceMs', 'b'])).toBe('b')
})

test.each([
  ['inflight', 'inFlight'],
  ['timeoutMS', 'timeoutMs'],
  ['drain_from', 'drainFrom'],
  ['lastarrival', 'lastArrival'],
])('a resource with %s is refused', (member, meant) => {
  const resource = { name: 'a', phase: 'work', drain() {}, [member]: () => 1 } as const
  expect(() => createLifecycle().add(resource)).toThrow(`a resource has no ${member}; did you mean ${meant}?`)
})

test('a resource may have members of its own, with names that are only near', () => {
  class Own {
    readonly name = 'own'
    readonly phase = 'work'
    readonly checks: string[] = []
    readonly timeout = setTimeout(() => {}, 1).unref()
    drain(): void {}
    drained(): boolean {
      return true
    }
  }
  expect(createLifecycle().add(new Own())).toBeDefined()
})

test.each([1e308, 100 * 365 * 86_400_000 + 1])('a time of %d ms is refused', (graceMs) => {
  expect(() => createLifecycle({ policy: { graceMs } })).toThrow('policy.graceMs must be a number of milliseconds, at most 100 years; it is ')
})
