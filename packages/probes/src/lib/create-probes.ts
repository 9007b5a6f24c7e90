import { LifecycleError, orAborted, requireMs, requireOptions, show, type CheckResult, type Lifecycle, type OptionNames } from '@lameduck/core'
import { cachedChecks } from './cached-checks.ts'
import { livez, startupz, type ProbeAnswer } from './probe-answer.ts'
import { validPaths, type ProbePaths } from './probe-paths.ts'
import { readyz, readyzCheck } from './readyz.ts'
import { warnOfGates } from './warn-of-gates.ts'

export interface ProbeOptions {
  readonly paths?: ProbePaths
  /**
   * Names of the resources whose failing `check` makes `/readyz` answer 503. All others are only reported, by `?verbose` and
   * `/readyz/<name>`. Name only what this one instance has for itself: by a dependency that all instances share, one outage takes
   * every instance out of the balancer at once, with all that could be served without it. A name that no check has counts as failing.
   * @default []
   */
  readonly gateOn?: readonly string[]
  /** How long results of the checks are used again, in ms. @default 1000 */
  readonly cacheMs?: number
  /** Longest time for one check, in ms. Keep it below the probe's `timeoutSeconds`, which is 1 s by default. @default 800 */
  readonly checkTimeoutMs?: number
  /** Tell why a check failed: error messages carry host and user names, and probe ports are rarely protected. @default false */
  readonly showReasons?: boolean
}

export const probeOptionNames: OptionNames<ProbeOptions> = { paths: true, gateOn: true, cacheMs: true, checkTimeoutMs: true, showReasons: true }

export interface Probes {
  readonly paths: Required<ProbePaths>
  /**
   * The answer to a request, or `undefined` when it is none of the probes' paths. It is a promise only when checks have to
   * be run. Never rejects.
   */
  answer(method: string, url: string): ProbeAnswer | Promise<ProbeAnswer> | undefined
}

/** Names of one request that are looked at; nobody has more checks to leave out. */
const mostExcluded = 100

/**
 * Turns requests into answers, without a server; the listener, the probe server and the framework plugins are built on it.
 *
 * @throws LifecycleError `invalid-option`.
 */
export function createProbes(lifecycle: Lifecycle, options: ProbeOptions = {}): Probes {
  const { gateOn = [], cacheMs = 1_000, checkTimeoutMs = 800, showReasons = false } = requireOptions(options, probeOptionNames, 'the probes')
  const paths = validPaths(options.paths)
  if (!Array.isArray(gateOn) || !gateOn.every((name) => typeof name === 'string' && name !== '')) {
    throw new LifecycleError('invalid-option', `gateOn must be an array of names of resources; it is ${show(gateOn)}`)
  }
  requireMs(cacheMs, 'cacheMs')
  requireMs(checkTimeoutMs, 'checkTimeoutMs', 1)
  // Two caches without a check in common: what is only reported must not slow down what decides.
  const isGate = (name: string): boolean => gateOn.includes(name)
  const runGates = checksOf(isGate)
  const runOthers = checksOf((name) => !isGate(name))
  if (gateOn.length > 0) warnOfGates(lifecycle, gateOn, runGates)
  const checkPrefix = `${paths.ready}/`

  return {
    paths,
    answer(method, url) {
      const end = url.indexOf('?')
      const path = end < 0 ? url : url.slice(0, end)
      const name = path.startsWith(checkPrefix) ? path.slice(checkPrefix.length) : undefined
      if (name === undefined && path !== paths.live && path !== paths.ready && path !== paths.startup) return undefined
      if (method !== 'GET' && method !== 'HEAD') return { status: 405, body: 'only GET and HEAD\n' }
      if (name !== undefined) return answerCheck(name)
      if (path === paths.live) return livez(lifecycle)
      if (path === paths.startup) return startupz(lifecycle)
      return answerReady(new URLSearchParams(end < 0 ? '' : url.slice(end + 1)))
    },
  }

  function answerReady(query: URLSearchParams): ProbeAnswer | Promise<ProbeAnswer> {
    const exclude = query.getAll('exclude').slice(0, mostExcluded).filter((name) => name !== '')
    // The state is read again after the checks, since a stop may have begun meanwhile.
    const answer = (checks: readonly CheckResult[] = []): ProbeAnswer => readyz(lifecycle, { checks, gateOn, exclude, verbose, showReasons })
    const verbose = query.has('verbose')
    if (verbose) return Promise.all([runGates(), runOthers()]).then((checks) => answer(checks.flat()))
    // Not ready is not ready: nothing is gained by asking a pool that is closing.
    if (gateOn.length === 0 || !lifecycle.isReady) return answer()
    return orAborted(runGates(), lifecycle.stopping).then(answer, () => answer())
  }

  async function answerCheck(encoded: string): Promise<ProbeAnswer> {
    const name = decode(encoded)
    return readyzCheck(name, await (isGate(name) ? runGates() : runOthers()), showReasons)
  }

  function checksOf(only: (name: string) => boolean): () => Promise<readonly CheckResult[]> {
    return cachedChecks({ run: () => lifecycle.check({ timeoutMs: checkTimeoutMs, only }), cacheMs, now: () => performance.now() })
  }
}

function decode(encoded: string): string {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return encoded
  }
}
