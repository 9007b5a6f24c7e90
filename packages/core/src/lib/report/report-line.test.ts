import { describe, expect, test } from 'vitest'
import { createLifecycle } from '../engine/create-lifecycle.ts'
import { LifecycleError } from '../errors.ts'
import type { Tally } from '../work/tally.ts'
import type { Report } from './report.ts'
import { reportLine } from './report-line.ts'

async function lineFor(error: unknown): Promise<{ reason: { error: unknown } }> {
  const lifecycle = createLifecycle({ env: {} })
  return JSON.parse(reportLine(await lifecycle.stop({ kind: 'fatal', origin: 'uncaughtException', error }))) as { reason: { error: unknown } }
}

test('an error keeps its name, message, stack and causes', async () => {
  const error = new AggregateError([new TypeError('one'), 'two'], 'both', { cause: new Error('why') })
  expect((await lineFor(error)).reason.error).toMatchObject({
    name: 'AggregateError',
    message: 'both',
    stack: expect.stringContaining('report-line.test.ts') as string,
    cause: { message: 'why' },
    errors: [{ name: 'TypeError', message: 'one' }, 'two'],
  })
})

test('nothing else of an error reaches the log, not by toJSON either', async () => {
  const error = Object.assign(new Error('403'), { config: { headers: { authorization: 's3cret' } }, toJSON: () => ({ authorization: 's3cret' }) })
  expect(JSON.stringify(await lineFor(error))).not.toContain('s3cret')
})

test.each([[1n], [Object.create(null)], [Symbol('x')], [undefined]])('a thrown %s is still a line', async (value: unknown) => {
  expect(typeof (await lineFor(value)).reason.error).toBe('string')
})

test.each([
  ['a stack that throws', Object.defineProperty(new Error('boom'), 'stack', { get: () => { throw new Error('no source map') } })],
  ['a message that throws', Object.defineProperty(new Error('boom'), 'message', { get: () => { throw new Error('no') } })],
  ['no errors where there should be some', Object.assign(new AggregateError([], 'boom'), { errors: null })],
  ['a trap for everything', new Proxy(new Error('boom'), { get: () => { throw new Error('no') }, getPrototypeOf: () => { throw new Error('no') } })],
])('an error with %s is still a line', async (_what, error) => {
  expect((await lineFor(error)).reason.error).toBeDefined()
})

test('a circle of causes is cut', async () => {
  const error = new Error('round')
  error.cause = error
  expect(JSON.stringify(await lineFor(error)).split('round').length).toBeLessThan(20)
})

test('a mistake of configuration has its code and no stack', async () => {
  const { error } = (await lineFor(new LifecycleError('start-failed', 'port in use'))).reason
  expect(error).toEqual({ name: 'LifecycleError', code: 'start-failed', message: 'port in use' })
})

describe('a line that would be too long', () => {
  async function big(): Promise<string> {
    const lifecycle = createLifecycle({ env: {} })
    for (let index = 0; index < 200; index += 1) {
      lifecycle.add({ name: `ключ ${index}`, phase: 'work', drain: () => (index % 10 === 9 ? Promise.reject(new Error('потерян '.repeat(200))) : undefined) })
    }
    return reportLine(await lifecycle.stop())
  }

  test('keeps within 16,000 bytes, tells first what went wrong, and how many steps it left out', async () => {
    const line = await big()
    expect(Buffer.byteLength(line)).toBeLessThanOrEqual(16_000)
    const report = JSON.parse(line) as Report & { omitted: number }
    expect(report.steps.length + report.omitted).toBe(200)
    expect(report.steps.length).toBeGreaterThan(10)
    expect(report.steps.every((step) => step.outcome === 'failed')).toBe(true)
    expect(report).toMatchObject({ lameduck: 'report', version: 1, result: 'failed', exitCode: 72 })
  })

  test('keeps within 16,000 bytes whatever the reasons of work are, and keeps their counts', async () => {
    const lifecycle = createLifecycle({ env: {} })
    const tally = (): Tally => ({ done: 1, failed: 2, cut: 0, refused: 3, unknown: 4, reasons: Array.from({ length: 9 }, () => '\u0001потерян'.repeat(500)) })
    for (let index = 0; index < 60; index += 1) lifecycle.add({ name: `r${index}`, phase: 'work', drain() {}, tally })
    const line = reportLine(await lifecycle.stop())
    expect(Buffer.byteLength(line)).toBeLessThanOrEqual(16_000)
    const report = JSON.parse(line) as Report & { omitted: number }
    expect(report.steps.length).toBeGreaterThan(0)
    expect(report.steps.length + report.omitted).toBe(60)
    for (const step of report.steps) expect(step).toMatchObject({ outcome: 'failed', work: { done: 1, failed: 2, cut: 0, refused: 3, unknown: 4 } })
  })

  test('tells what made the result first, be it only a call that was refused', async () => {
    const lifecycle = createLifecycle({ env: {} })
    for (let index = 0; index < 200; index += 1) {
      const refused = index === 199 ? 1 : 0
      lifecycle.add({ name: `r${index}`, phase: 'work', drain() {}, tally: () => ({ done: 0, failed: 0, cut: 0, refused, unknown: 0, reasons: [] }) })
    }
    const report = JSON.parse(reportLine(await lifecycle.stop())) as Report
    expect(report.result).toBe('unknown')
    expect(report.steps[0]).toMatchObject({ name: 'r199', work: { refused: 1 } })
  })

  test('shortens the longest error tree to its head', async () => {
    const tree = (depth: number): Error => new AggregateError(Array.from({ length: 10 }, () => (depth === 0 ? new Error('x'.repeat(5_000)) : tree(depth - 1))), 'y'.repeat(5_000))
    const lifecycle = createLifecycle({ env: {} })
    const line = reportLine(await lifecycle.stop({ kind: 'fatal', origin: 'uncaughtException', error: tree(3) }))
    expect(Buffer.byteLength(line)).toBeLessThanOrEqual(16_000)
    expect((JSON.parse(line) as Report).result).toBe('failed')
  })
})
