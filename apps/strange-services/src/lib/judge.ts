import { differencesFrom } from './expectation.ts'
import { breachesOf } from './invariant.ts'
import type { Performance } from './performance.ts'
import type { Scenario } from './scenario.ts'

/** What is wrong with a performance, one sentence each: the invariant always, what was expected where nothing broke by chance. */
export function judge({ expect = {}, idsPerUnit }: Scenario, performance: Performance): string[] {
  const breaches = breachesOf(performance, idsPerUnit)
  return performance.mishap === '' ? [...breaches, ...differencesFrom(expect, performance)] : breaches
}
