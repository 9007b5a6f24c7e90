import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createLifecycle } from '../../src/lib/engine/create-lifecycle.ts'
import type { Report } from '../../src/lib/report/report.ts'
import { live } from './live.ts'
import { world, type World } from './world.ts'

/** The same service, where nobody counts. */
function without(world: World): World {
  return { ...world, parts: world.parts.map((part) => ({ ...part, work: undefined })) }
}

/** What a tally does to the engine on purpose concerns the others. */
function idly(world: World): World {
  return { ...world, parts: world.parts.map((part) => ({ ...part, work: part.work && { ...part.work, during: [], unfinished: 0 } })) }
}

/** When what ran, and what is not about work. */
function timesOf(report: Report | undefined): object | undefined {
  const steps = report?.steps.map(({ name, startedMs, finishedMs, deadlineMs, late, waitingFor }) => ({ name, startedMs, finishedMs, deadlineMs, late, waitingFor }))
  return report && { tookMs: report.tookMs, budgetMs: report.budgetMs, scale: report.scale, steps }
}

test('whatever a tally says, the stop takes as long and every step runs when it would', async () => {
  let counted = 0
  for (const each of fc.sample(world, { seed: 18, numRuns: 200 })) {
    const { report } = await live(idly(each), createLifecycle)
    const { report: bare } = await live(without(each), createLifecycle)
    expect(timesOf(report)).toEqual(timesOf(bare))
    expect(report).toBeDefined()
    if (report?.steps.some(({ work }) => (work?.unknown ?? 0) > 0)) counted += 1
    // Nobody else is worse for it.
    for (const step of report?.steps ?? []) if (!step.work) expect(step).toEqual(bare?.steps.find(({ name }) => name === step.name))
  }
  expect(counted).toBeGreaterThan(10)
})
