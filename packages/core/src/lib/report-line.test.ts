import { expect, test } from 'vitest'
import { createLifecycle } from './create-lifecycle.ts'
import { LifecycleError } from './errors.ts'
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

test('a circle of causes is cut', async () => {
  const error = new Error('round')
  error.cause = error
  expect(JSON.stringify(await lineFor(error)).split('round').length).toBeLessThan(20)
})

test('a mistake of configuration has its code and no stack', async () => {
  const { error } = (await lineFor(new LifecycleError('start-failed', 'port in use'))).reason
  expect(error).toEqual({ name: 'LifecycleError', code: 'start-failed', message: 'port in use' })
})
