import { describe, expect, test } from 'vitest'
import { resourceSuite } from '../src/index.ts'
import { collectSuite, failuresOf } from './collect-suite.ts'
import { lineHarness } from './line-client.ts'
import { acknowledgeMutants } from './mutants/acknowledge-mutants.ts'
import { closedMutants } from './mutants/closed-mutants.ts'
import { drainMutants } from './mutants/drain-mutants.ts'
import { endedMutants } from './mutants/ended-mutants.ts'
import { forceMutants } from './mutants/force-mutants.ts'
import { harnessMutants } from './mutants/harness-mutants.ts'
import { lateMutants } from './mutants/late-mutants.ts'
import { leftoverMutants } from './mutants/leftover-mutants.ts'
import { quiesceMutants } from './mutants/quiesce-mutants.ts'
import { startMutants } from './mutants/start-mutants.ts'
import { tallyMutants } from './mutants/tally-mutants.ts'
import { watchMutants } from './mutants/watch-mutants.ts'

describe('a correct resource that refuses after quiesce', () => {
  resourceSuite({ test, harness: lineHarness(false) })
})

describe('a correct resource that serves after quiesce', () => {
  resourceSuite({ test, harness: lineHarness(true) })
})

test('a resource that puts alike texts of waitingFor together is correct, too', async () => {
  const harness = lineHarness(true, ({ works }) => ({ waitingFor: () => (works() > 0 ? [`work ×${works()}`] : []) }))
  const meant = collectSuite({ harness }).filter(({ name }) => name.startsWith('waitingFor'))
  expect(meant).toHaveLength(1)
  expect(await failuresOf(meant)).toEqual(new Map())
})

test('every check has a mutant', () => {
  const checks = [false, true].flatMap((serves) => collectSuite({ harness: lineHarness(serves) }).filter(({ skipped }) => !skipped))
  const mutants = [
    ...startMutants, ...watchMutants, ...quiesceMutants, ...acknowledgeMutants, ...drainMutants, ...endedMutants, ...lateMutants, ...tallyMutants, ...forceMutants, ...closedMutants,
    ...leftoverMutants, ...harnessMutants,
  ]
  const caught = new Set(mutants.map(({ caughtBy }) => caughtBy))
  expect([...new Set(checks.map(({ name }) => name))].filter((name) => !caught.has(name))).toEqual([])
})
