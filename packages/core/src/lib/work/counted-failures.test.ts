import { expect, test } from 'vitest'
import { createLifecycle } from '../engine/create-lifecycle.ts'
import { createTally } from './tally.ts'
import { trackedWork } from './tracked-work.ts'
import type { Lifecycle } from '../lifecycle.ts'

const boom = Object.freeze({ text: 'boom' })

/** One unit of each of `names` is under way at the signal, and fails with the same error; then it ends up unhandled, `unhandled` times. */
async function stopWith(error: unknown, names: readonly string[], unhandled: number): Promise<Awaited<ReturnType<Lifecycle['stop']>>> {
  const lifecycle = createLifecycle({ env: {} })
  let fail = (): void => {}
  const failing = new Promise<never>((_resolve, reject) => (fail = () => reject(error as Error)))
  failing.catch(() => {})
  let end = (): void => {}
  const ending = new Promise<void>((resolve) => (end = resolve))
  lifecycle.add({ name: 'last', phase: 'connections', drain: () => ending })
  const runs = names.map((name) => {
    const work = trackedWork(name)
    lifecycle.add(work)
    return work.run(() => failing)
  })
  const stopped = lifecycle.stop()
  fail()
  await Promise.allSettled(runs)
  for (let count = 0; count < unhandled; count += 1) void lifecycle.stop({ kind: 'fatal', origin: 'unhandledRejection', error })
  end()
  return stopped
}

test('work that fails in the stop, and whose error nobody handles, is told once', async () => {
  const error = new Error('boom')
  expect(await stopWith(error, ['orders'], 1)).toMatchObject({ result: 'failed', errors: [], steps: [{ outcome: 'failed', work: { failed: 1 } }, { outcome: 'drained' }] })
})

test('each count stands for one unhandled error', async () => {
  const error = new Error('boom')
  expect(await stopWith(error, ['orders', 'mails'], 3)).toMatchObject({ result: 'failed', errors: ['unhandledRejection: boom'] })
})

test.each([['an error of something else', new Error('other')], ['a text', 'boom'], ['nothing', undefined], ['null', null], ['an object', boom]])('%s is told', async (_what, error) => {
  const report = await stopWith(error, [], 1)
  expect(report).toMatchObject({ result: 'failed' })
  expect(report.errors).toHaveLength(1)
})

// Catches: an error that another lifecycle has counted is told by nobody here.
test('what the resource of another lifecycle has counted is told', async () => {
  const error = new Error('boom')
  await stopWith(error, ['orders'], 0)
  expect(await stopWith(error, [], 1)).toMatchObject({ result: 'failed', errors: ['unhandledRejection: boom'] })
})

// Catches: the step of what has not started has no work, so that nobody would tell.
test('what a resource has counted that never started is told', async () => {
  const lifecycle = createLifecycle({ env: {} })
  const error = new Error('boom')
  const tally = createTally()
  lifecycle.add({ name: 'db', phase: 'connections', start: () => new Promise((_resolve, reject) => lifecycle.stopping.addEventListener('abort', reject)), drain() {}, tally: tally.read })
  lifecycle.start().catch(() => {})
  const stopped = lifecycle.stop()
  tally.begin()
  tally.failed('SELECT', error)
  await new Promise((resolve) => lifecycle.subscribe((event) => event.type === 'step-finished' && resolve(lifecycle.stop({ kind: 'fatal', origin: 'unhandledRejection', error }))))
  expect(await stopped).toMatchObject({ result: 'failed', errors: ['unhandledRejection: boom'], steps: [{ outcome: 'skipped' }] })
})
