import { describe, expect, test } from 'vitest'
import { resourceSuite } from '../src/index.ts'
import { collectSuite, failuresOf } from './collect-suite.ts'
import { lineHarness } from './line-client.ts'
import { mutants } from './mutants.ts'

describe('a correct resource that refuses after quiesce', () => {
  resourceSuite({ test, harness: lineHarness(false) })
})

describe('a correct resource that serves after quiesce', () => {
  resourceSuite({ test, harness: lineHarness(true) })
})

const quick = { settleMs: 400, slackMs: 150, watchMs: 20 }

describe('a broken resource is caught by the check meant for it, and by no other', () => {
  test.each(mutants)('$bug', async ({ caughtBy, mutate, serves = false }) => {
    const failures = await failuresOf(collectSuite({ harness: lineHarness(serves, mutate), ...quick }))
    expect([...failures.keys()], [...failures].join('\n')).toEqual([caughtBy])
  })
})

test('every check has a mutant', () => {
  const names = [false, true].flatMap((serves) => collectSuite({ harness: lineHarness(serves) }).filter(({ skipped }) => !skipped))
  const caught = new Set(mutants.map(({ caughtBy }) => caughtBy))
  expect([...new Set(names.map(({ name }) => name))].filter((name) => !caught.has(name))).toEqual([])
})
