import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { createLifecycle } from '../engine/create-lifecycle.ts'
import { describeForgotten } from './forgotten.ts'
import { trackedWork } from './tracked-work.ts'

function warningsOf(name: string): string[] {
  const warnings: string[] = []
  const listen = ({ message }: Error): void => void (message.includes(name) && warnings.push(message))
  process.on('warning', listen)
  onTestFinished(() => void process.off('warning', listen))
  return warnings
}

/** Later than whatever the work itself has warned of. */
async function aWarningLater(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  const later = once(process, 'warning')
  process.emitWarning('later')
  await later
}

test.each<[string, (work: ReturnType<typeof trackedWork>) => unknown]>([
  ['run', (work) => work.run(async () => {})],
  ['wrap', (work) => work.wrap(async () => {})()],
])('work of which no lifecycle knows is a warning, once (%s)', async (how, begin) => {
  const warnings = warningsOf(`forgotten ${how}`)
  const work = trackedWork(`forgotten ${how}`)
  begin(work)
  begin(work)
  await aWarningLater()
  begin(work)
  await aWarningLater()
  expect(warnings).toEqual([expect.stringMatching(/^trackedWork\("forgotten \w+"\) has work, and is in no lifecycle/)])
})

test.each(['before', 'behind'])('none where it is added in the same turn, %s its first work', async (when) => {
  const warnings = warningsOf(`added ${when}`)
  const work = trackedWork(`added ${when}`)
  const lifecycle = createLifecycle({ env: {} })
  if (when === 'before') lifecycle.add(work)
  void work.run(async () => {})
  if (when === 'behind') lifecycle.add(work)
  await aWarningLater()
  expect(warnings).toEqual([])
})

// Catches: a clean report of a service whose jobs were all lost, hours after one warning of the process.
test('what was forgotten is said of at the end of every stop, until it is added', async () => {
  const work = trackedWork('forgotten for long')
  void work.run(async () => {})
  await aWarningLater()
  expect(describeForgotten()).toEqual([expect.stringMatching(/^trackedWork\(.*"forgotten for long".*\) has had work, and is in no lifecycle/)])
  createLifecycle({ env: {} }).add(work)
  expect(describeForgotten().join()).not.toContain('forgotten for long')
})
