import { LifecycleError, requireMs, requireOptions, show, type OptionNames } from '@lameduck/core'
import { acknowledgeChecks } from './acknowledge-checks.ts'
import type { Check, Need } from './check.ts'
import { closedChecks } from './closed-checks.ts'
import { drainChecks } from './drain-checks.ts'
import { endedChecks } from './ended-checks.ts'
import { forceChecks } from './force-checks.ts'
import type { Harness, Subject } from './harness.ts'
import { harnessChecks } from './harness-checks.ts'
import { inFlightChecks } from './in-flight-checks.ts'
import { lateChecks } from './late-checks.ts'
import { leftoverChecks } from './leftover-checks.ts'
import { quiesceChecks } from './quiesce-checks.ts'
import { runCheck, runWholeLife } from './run-check.ts'
import { optionalMembers, shapeCheck } from './shape-check.ts'
import { startChecks } from './start-checks.ts'
import { tallyChecks } from './tally-checks.ts'
import type { Bounds } from './trial.ts'
import { watchChecks } from './watch-checks.ts'

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
  /** How long a resource that was cut is watched for whether it comes back, in ms; above its longest retry. @default the value of `watchMs` */
  readonly quietMs?: number
  /** Longest time for one call of the harness, and for `start`, in ms; below the runner's own limit, which would not say what hung. @default 4000 */
  readonly harnessMs?: number
  /** Checks that cannot be asked of this resource, by their names, and why; they are skipped under a name that says so. */
  readonly notApplicable?: Readonly<Record<string, string>>
}

const optionNames: OptionNames<ResourceSuiteOptions<Subject>> = {
  test: true, harness: true, settleMs: true, slackMs: true, watchMs: true, quietMs: true, harnessMs: true, notApplicable: true,
}

const harnessNames: OptionNames<Harness<Subject>> = {
  members: true, create: true, dispose: true, open: true, busy: true, atOnce: true, counts: true, afterQuiesce: true, offer: true, callers: true,
  fail: true, acknowledge: true, freeze: true, thaw: true, kill: true, drop: true, end: true, connections: true,
}

/** What of a harness is not a function. */
const data: readonly (keyof Harness<Subject>)[] = ['members', 'atOnce', 'afterQuiesce', 'callers']

const wholeLife = 'nothing is left when all is over, of what its construction began either: no timer, no socket'

/**
 * Registers one test for each property that every Resource must have, each on a new subject.
 *
 * A property that the harness declares impossible is registered with `test.skip` and says so in its name; it is never
 * reported as passed. What goes wrong with the harness itself fails the check with a message that begins with "the harness's".
 *
 * @throws LifecycleError `invalid-option` when the harness or the options contradict themselves.
 */
export function resourceSuite<S extends Subject>(options: ResourceSuiteOptions<S>): void {
  const { test, harness, notApplicable = {} } = requireOptions<ResourceSuiteOptions<S>>(options, optionNames, 'resourceSuite()', Object.keys(harnessNames).map((name) => `harness.${name}`))
  if (typeof test !== 'function' || typeof test.skip !== 'function') throw new LifecycleError('invalid-option', `resourceSuite(): test must be the test function of a runner, with skip; it is ${show(test)}`)
  if (typeof notApplicable !== 'object' || notApplicable === null) throw new LifecycleError('invalid-option', `resourceSuite(): notApplicable must be an object; it is ${show(notApplicable)}`)
  validateHarness(harness)
  const bounds = boundsOf(options)
  const used = new WeakSet<object>()
  const checks = [
    shapeCheck(harness.members), ...harnessChecks, ...startChecks, ...watchChecks, ...quiesceChecks, ...acknowledgeChecks, ...drainChecks, ...lateChecks, ...endedChecks,
    ...inFlightChecks, ...tallyChecks, ...forceChecks, ...closedChecks, ...leftoverChecks,
  ]
  const unknown = Object.keys(notApplicable).filter((name) => name !== wholeLife && !checks.some((check) => check.name === name))
  if (unknown.length > 0) throw new LifecycleError('invalid-option', `notApplicable has ${unknown.map((name) => show(name)).join(', ')}, which is the name of no check`)

  for (const check of checks) register(check.name, check.needs, () => runCheck(check.run, harness, bounds, used))
  register(wholeLife, [], () => runWholeLife(harness, bounds, used))

  function register(name: string, needs: Check['needs'], body: () => Promise<void>): void {
    const lacking = needs.filter((need) => !has(harness, need)).map((need) => `no ${need}`)
    const reasons = notApplicable[name] === undefined ? lacking : [notApplicable[name]]
    if (reasons.length === 0) test(name, body)
    else test.skip(`${name} (not applicable: ${reasons.join(', ')})`, () => Promise.resolve())
  }
}

function boundsOf<S extends Subject>({ settleMs = 2_000, slackMs = 200, watchMs = 100, quietMs = watchMs, harnessMs = 4_000 }: ResourceSuiteOptions<S>): Bounds {
  const bounds = { settleMs, slackMs, watchMs, quietMs, harnessMs }
  for (const [option, ms] of Object.entries(bounds)) requireMs(ms, option)
  return bounds
}

function has<S extends Subject>(harness: Harness<S>, need: Need): boolean {
  if (need === 'harness.offer that refuses after quiesce') return harness.offer !== undefined && harness.afterQuiesce === 'refuses'
  if (need === 'harness.offer that serves after quiesce') return harness.offer !== undefined && harness.afterQuiesce === 'serves'
  if (need === 'harness.callers here') return harness.callers === 'here'
  const [of, name] = need.split('.') as ['harness' | 'resource', never]
  return of === 'harness' ? harness[name] !== undefined : harness.members.includes(name)
}

function validateHarness<S extends Subject>(harness: Harness<S>): void {
  const refuse = (what: string): never => {
    throw new LifecycleError('invalid-option', `the conformance harness ${what}`)
  }
  if (!Array.isArray(harness?.members)) refuse(`must list the resource's optional members in "members"; it is ${show(harness?.members)}`)
  requireOptions<Harness<S>>(harness, harnessNames, 'the conformance harness')
  for (const member of harness.members) {
    if (!optionalMembers.includes(member)) refuse(`lists ${show(member)} in "members", which is none of ${optionalMembers.join(', ')}`)
  }
  for (const name of ['create', 'dispose'] as const) {
    if (typeof harness[name] !== 'function') refuse(`must have the function ${name}; it is ${show(harness[name])}`)
  }
  for (const name of Object.keys(harnessNames) as (keyof Harness<S>)[]) {
    if (!data.includes(name) && harness[name] !== undefined && typeof harness[name] !== 'function') refuse(`must have a function ${name}; it is ${show(harness[name])}`)
  }
  if (harness.freeze && !harness.thaw) refuse('has freeze but no thaw: a frozen peer could not be cleaned up')
  if (harness.offer && !harness.afterQuiesce) refuse('has offer but does not say in afterQuiesce whether that is refused or served')
  if (harness.afterQuiesce && harness.afterQuiesce !== 'refuses' && harness.afterQuiesce !== 'serves') refuse(`must have "refuses" or "serves" in afterQuiesce; it is ${show(harness.afterQuiesce)}`)
  if (harness.atOnce !== undefined && harness.atOnce !== 1 && harness.atOnce !== 2) refuse(`must have 1 or 2 in atOnce; it is ${show(harness.atOnce)}`)
  if (harness.afterQuiesce && !harness.offer) refuse(`says afterQuiesce: "${harness.afterQuiesce}" but has no offer to show it`)
  if (harness.callers !== undefined && harness.callers !== 'here' && harness.callers !== 'elsewhere') refuse(`must have "here" or "elsewhere" in callers; it is ${show(harness.callers)}`)
  if (harness.fail && !harness.busy) refuse('has fail but no busy, so that there is nothing to fail')
  if (harness.end && !harness.members.includes('watch')) refuse('has end but no watch in its members, so that nothing tells of it')
  if (harness.counts && !harness.busy) refuse('has counts but no busy, so that there is nothing to count')
}
