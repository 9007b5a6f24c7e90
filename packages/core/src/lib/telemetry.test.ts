import { expect, test } from 'vitest'
import { createLifecycle } from './engine/create-lifecycle.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { Resource } from './resource.ts'
import { telemetry, type TelemetryOptions } from './telemetry.ts'

const fatal = { kind: 'fatal', origin: 'uncaughtException', error: new Error('boom') } as const

function service(options: TelemetryOptions, graceMs = 10_000): { lifecycle: Lifecycle; add: (resource: Partial<Resource>) => void } {
  const lifecycle = createLifecycle({ env: {}, policy: { graceMs, fatalMs: 300 } })
  lifecycle.add(telemetry('traces', options))
  return { lifecycle, add: (resource) => void lifecycle.add({ name: 'other', phase: 'connections', drain: () => {}, ...resource }) }
}

test('flushes when everything else has stopped, and closes after that', async () => {
  const calls: string[] = []
  const { lifecycle, add } = service({
    flush: async () => {
      await Promise.resolve()
      calls.push('flushed')
    },
    close: () => calls.push('closed'),
  })
  add({ drain: () => void calls.push('other drained') })
  await lifecycle.start()
  const report = await lifecycle.stop()
  expect(calls).toEqual(['other drained', 'flushed', 'closed'])
  expect(report.result).toBe('clean')
  expect(report.steps[1]).toMatchObject({ name: 'traces', phase: 'telemetry', outcome: 'drained', timeoutMs: 3_000 })
})

test('an uncaught error makes it flush at once, and again at the end', async () => {
  const calls: string[] = []
  const { lifecycle, add } = service({ flush: () => void calls.push('flush') })
  add({ quiesce: () => void calls.push('other stops'), drain: () => void calls.push('other drained') })
  await lifecycle.start()
  const stopped = lifecycle.stop(fatal)
  expect(calls).toEqual(['flush', 'other stops'])
  const report = await stopped
  expect(calls).toEqual(['flush', 'other stops', 'other drained', 'flush'])
  expect(report.steps.map(({ outcome }) => outcome)).toEqual(['drained', 'drained'])
})

// Catches: a collector that is down turns every rollout into exit code 71, after the whole grace period.
test.each<[string, TelemetryOptions, RegExp]>([
  ['rejects', { flush: () => Promise.reject(new Error('ECONNREFUSED')) }, /: flush failed: ECONNREFUSED$/],
  ['throws', { close: () => { throw new TypeError('no exporter') } }, /: close failed: TypeError: no exporter$/],
  ['says false', { flush: () => Promise.resolve(false) }, /: flush says that not everything has arrived$/],
  ['never ends', { flush: () => new Promise(() => {}), timeoutMs: 100 }, /: flush did not end within \d+ ms$/],
])('what does not arrive is unknown, neither failed nor forced: it %s', async (_what, options, why) => {
  const { lifecycle } = service(options)
  await lifecycle.start()
  const report = await lifecycle.stop()
  expect(report.steps).toMatchObject([{ outcome: 'unknown', work: { unknown: 1, failed: 0, cut: 0, reasons: [expect.stringMatching(why)] }, errors: [] }])
  expect(report).toMatchObject({ result: 'unknown', exitCode: 0 })
  expect(report.tookMs).toBeLessThan(2_000)
})

test('what the first of two flushes has lost is told, and the second is made all the same', async () => {
  let calls = 0
  const { lifecycle } = service({ flush: () => ((calls += 1) === 1 ? Promise.reject(new Error('the batch was dropped')) : undefined) })
  await lifecycle.start()
  const report = await lifecycle.stop(fatal)
  expect(calls).toBe(2)
  expect(report.steps).toMatchObject([{ outcome: 'unknown', work: { reasons: ['telemetry may be lost: flush failed: the batch was dropped'] } }])
})

// Catches: a first flush that waits longer than a short fatal budget has the step cut.
test('both flushes of a fatal stop hang: the step ends by itself within the short budget', async () => {
  const { lifecycle } = service({ flush: () => new Promise(() => {}) })
  await lifecycle.start()
  const report = await lifecycle.stop(fatal)
  expect(report.steps).toMatchObject([{ outcome: 'unknown' }])
  expect(report.tookMs).toBeLessThan(300)
})

test('closes also where the flush has failed or taken all the time, and a late rejection harms nobody', async () => {
  let closed = false
  let fail = (_error: Error): void => {}
  const { lifecycle } = service({ flush: () => new Promise((_resolve, reject) => (fail = reject)), close: () => void (closed = true), timeoutMs: 60 })
  await lifecycle.start()
  const report = await lifecycle.stop()
  fail(new Error('too late'))
  await new Promise((resolve) => setImmediate(resolve))
  expect(closed).toBe(true)
  expect(report.steps).toMatchObject([{ outcome: 'unknown' }])
})

test('a stop before start() and a failed start flush as well', async () => {
  let flushed = 0
  const before = service({ flush: () => void (flushed += 1) })
  await before.lifecycle.stop(fatal)
  expect(flushed).toBe(2)
  const failing = service({ flush: () => void (flushed += 1) })
  failing.add({ start: () => Promise.reject(new Error('no database')) })
  await expect(failing.lifecycle.start()).rejects.toThrow('no database')
  expect(flushed).toBe(4)
})

test('is cut with everything else', async () => {
  let begun = (): void => {}
  const hanging = new Promise<void>((resolve) => (begun = resolve))
  const { lifecycle } = service({ flush: () => (begun(), new Promise(() => {})) })
  await lifecycle.start()
  const stopped = lifecycle.stop()
  await hanging
  lifecycle.force()
  const report = await stopped
  expect(report.steps).toMatchObject([{ outcome: 'forced', errors: [] }])
})

test.each<[string, () => unknown, string]>([
  ['no name', () => telemetry('', { flush: () => {} }), 'telemetry() takes a name, a non-empty text; it was given "" (string)'],
  ['a function in place of options', () => telemetry('traces', undefined as never), 'telemetry("traces") takes an object of options; it was given undefined (undefined)'],
  ['nothing to do', () => telemetry('traces', {}), 'telemetry("traces"): give it flush, close, or both; it has neither, so it would do nothing'],
  ['what is no function', () => telemetry('traces', { flush: Promise.resolve() as never }), 'telemetry("traces"): flush must be a function; it is Promise (object)'],
  ['an unknown option', () => telemetry('traces', { flush: () => {}, timeout: 5 } as never), 'telemetry("traces"): the option timeout is not known; did you mean timeoutMs? Known are flush, close, timeoutMs, reserveMs'],
  ['a time that is none', () => telemetry('traces', { flush: () => {}, timeoutMs: '5s' as never }), 'telemetry("traces"): timeoutMs must be a number of milliseconds, at least 1; it is "5s" (string)'],
])('refuses %s', (_what, call, message) => {
  expect(call).toThrow(message)
})
