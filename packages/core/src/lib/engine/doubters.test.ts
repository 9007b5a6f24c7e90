import { expect, test } from 'vitest'
import { createFakeClock } from '../testing/fake-clock.ts'
import type { Report } from '../report/report.ts'
import type { Resource } from '../resource.ts'
import { createLifecycle } from './create-lifecycle.ts'
import { doubtersOf, type Doubter } from './doubters.ts'

async function stopWith(doubter: Doubter, drain: () => unknown = () => {}, own: Partial<Resource> = {}): Promise<Report> {
  const clock = createFakeClock()
  const lifecycle = createLifecycle({ clock, env: {} })
  lifecycle.add({ name: 'a', phase: 'work', drain: async () => void (await drain()), ...own })
  doubtersOf(lifecycle)?.add(doubter)
  const stopped = lifecycle.stop()
  await clock.advance(30_000)
  return stopped
}

test('a doubt makes a clean stop unknown, and is a warning of its report', async () => {
  expect(await stopWith(() => [])).toMatchObject({ result: 'clean', warnings: [] })
  expect(await stopWith(() => ['A is under way.'])).toMatchObject({ result: 'unknown', exitCode: 0, warnings: ['A is under way.'] })
})

// Catches: a report that never comes.
test('one that cannot look is a doubt', async () => {
  const report = await stopWith(() => {
    throw new Error('no handles')
  })
  expect(report).toMatchObject({ result: 'unknown', warnings: ['Nobody can tell what is still under way in the process: no handles'] })
})

// Catches: a look that is left out because something else is in doubt.
test('it is asked as well where a step is in doubt', async () => {
  const report = await stopWith(() => ['A is under way.'], () => {}, { tally: () => ({ done: 0, failed: 0, cut: 0, refused: 0, unknown: 1, reasons: [] }) })
  expect(report).toMatchObject({ result: 'unknown', warnings: ['A is under way.'] })
})

test('a stop that did not go well is in no doubt', async () => {
  const report = await stopWith(() => ['A is under way.'], () => Promise.reject(new Error('no')))
  expect(report).toMatchObject({ result: 'failed', warnings: [] })
})
