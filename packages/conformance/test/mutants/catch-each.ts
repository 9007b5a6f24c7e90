import { afterEach, describe, expect, test } from 'vitest'
import { collectSuite, failuresOf } from '../collect-suite.ts'
import { lineHarness } from '../line-client.ts'
import type { Mutant } from './mutant.ts'

const quick = { settleMs: 400, slackMs: 150, watchMs: 10, harnessMs: 1_000 }
/** Such a mistake shows by work that is served while it is watched, for which a busy machine needs more time. */
const forHarness = { ...quick, watchMs: 100 }

/** Runs the whole suite on each mutant. */
export function catchEach(mutants: readonly Mutant[]): void {
  describe('a broken resource is caught by the check meant for it, and by no other unless it cannot but show there', () => {
    afterEach(() => void process.removeAllListeners('SIGUSR2'))
    test.each(mutants)('$bug', async ({ caughtBy, alsoBy = [], mutate, serves = false, harness }) => {
      const failures = await failuresOf(collectSuite({ harness: { ...lineHarness(serves, mutate), ...harness }, ...(harness ? forHarness : quick) }))
      const found = [...failures].map(([name, message]) => `${name}: ${message}`).join('\n')
      if (!harness) expect(found).not.toContain("the harness's")
      if (alsoBy === 'any') expect([...failures.keys()], found).toContain(caughtBy)
      else expect([...failures.keys()].sort(), found).toEqual([caughtBy, ...alsoBy].sort())
    })
  })
}
