import { LifecycleError, show } from '@lameduck/core'
import type { Check, Need } from './check.ts'
import { drainChecks } from './drain-checks.ts'
import { forceChecks } from './force-checks.ts'
import type { Harness, Subject } from './harness.ts'
import { leftoverChecks } from './leftover-checks.ts'
import { quiesceChecks } from './quiesce-checks.ts'
import { shapeCheck } from './shape-check.ts'
import { startChecks } from './start-checks.ts'
import { createTrial, type Bounds } from './trial.ts'

/** The runner's `test`: that of vitest, node:test, mocha, jest. `skip` shows what is not applicable. */
export interface TestRunner {
  (name: string, body: () => Promise<void>): unknown
  readonly skip: (name: string, body: () => Promise<void>) => unknown
}

export interface ResourceSuiteOptions<S extends Subject> {
  readonly test: TestRunner
  readonly harness: Harness<S>
  /** Longest time for whatever must settle soon, in ms. @default 2000 */
  readonly settleMs?: number
  /** Allowed on top of the resource's `forceMs` for a busy machine, in ms. @default 200 */
  readonly slackMs?: number
  /** How long something that must not happen is watched for, in ms. @default 100 */
  readonly watchMs?: number
}

/**
 * Registers one test for each property that every Resource must have, each on a new subject.
 *
 * A property that the harness declares impossible is registered with `test.skip` and says so in its name; it is never
 * reported as passed.
 *
 * @throws LifecycleError `invalid-option` when the harness contradicts itself.
 */
export function resourceSuite<S extends Subject>(options: ResourceSuiteOptions<S>): void {
  const { test, harness, settleMs = 2_000, slackMs = 200, watchMs = 100 } = options
  validateHarness(harness)
  const bounds: Bounds = { settleMs, slackMs, watchMs }
  const checks = [shapeCheck(harness.members), ...startChecks, ...quiesceChecks, ...drainChecks, ...forceChecks, ...leftoverChecks]
  for (const check of checks) {
    const lacking = check.needs.filter((need) => !has(harness, need))
    if (lacking.length === 0) test(check.name, () => runCheck(check, harness, bounds))
    else test.skip(`${check.name} (not applicable: no ${lacking.join(', no ')})`, () => Promise.resolve())
  }
}

async function runCheck<S extends Subject>(check: Check, harness: Harness<S>, bounds: Bounds): Promise<void> {
  const { trial, dispose } = await createTrial(harness, bounds)
  try {
    await check.run(trial)
  } finally {
    await dispose()
  }
}

function has<S extends Subject>(harness: Harness<S>, need: Need): boolean {
  switch (need) {
    case 'harness.busy':
      return harness.busy !== undefined
    case 'harness.freeze':
      return harness.freeze !== undefined
    case 'harness.kill':
      return harness.kill !== undefined
    case 'harness.connections':
      return harness.connections !== undefined
    case 'harness.offer that refuses after quiesce':
      return harness.offer !== undefined && harness.afterQuiesce === 'refuses'
    case 'harness.offer that serves after quiesce':
      return harness.offer !== undefined && harness.afterQuiesce === 'serves'
    case 'resource.start':
    case 'resource.check':
    case 'resource.quiesce':
    case 'resource.inFlight':
    case 'resource.force':
      return harness.members.some((member) => `resource.${member}` === need)
  }
}

function validateHarness<S extends Subject>(harness: Harness<S>): void {
  const refuse = (what: string): never => {
    throw new LifecycleError('invalid-option', `the conformance harness ${what}`)
  }
  if (!Array.isArray(harness.members)) refuse(`must list the resource's optional members in "members"; it is ${show(harness.members)}`)
  if (harness.freeze && !harness.thaw) refuse('has freeze but no thaw: a frozen peer could not be cleaned up')
  if (harness.offer && !harness.afterQuiesce) refuse('has offer but does not say in afterQuiesce whether that is refused or served')
  if (harness.afterQuiesce && !harness.offer) refuse(`says afterQuiesce: "${harness.afterQuiesce}" but has no offer to show it`)
}
