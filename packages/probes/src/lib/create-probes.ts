import { LifecycleError, requireMs, show, type Lifecycle } from '@lameduck/core'
import { cachedChecks } from './cached-checks.ts'
import { livez, startupz, type ProbeAnswer } from './probe-answer.ts'
import { readyz, readyzCheck } from './readyz.ts'

export interface ProbePaths {
  /** @default '/livez' */
  readonly live?: string
  /** @default '/readyz' */
  readonly ready?: string
  /** @default '/startupz' */
  readonly startup?: string
}

export interface ProbeOptions {
  readonly paths?: ProbePaths
  /**
   * What a resource's failing `check` does. `report` shows it in `?verbose` and `/readyz/<check>` only; `gate` makes
   * `/readyz` answer 503. Gate only on what this one instance has for itself: on a dependency that all instances share,
   * one outage takes every instance out of the balancer at once, including the answers that did not need it.
   * @default 'report'
   */
  readonly readinessChecks?: 'report' | 'gate'
  /** How long results of the checks are used again, in ms. @default 1000 */
  readonly cacheMs?: number
  /** Longest time for one check, in ms. Keep it below the probe's `timeoutSeconds`, which is 1 s by default. @default 800 */
  readonly checkTimeoutMs?: number
  /** Tell why a check failed: error messages carry host and user names, and probe ports are rarely protected. @default false */
  readonly showReasons?: boolean
}

export interface Probes {
  readonly paths: Required<ProbePaths>
  /**
   * The answer to a request, or `undefined` when it is none of the probes' paths. It is a promise only when checks have to
   * be run. Never rejects.
   */
  answer(method: string, url: string): ProbeAnswer | Promise<ProbeAnswer> | undefined
}

/**
 * Turns requests into answers, without a server; the listener, the probe server and the framework plugins are built on it.
 *
 * @throws LifecycleError `invalid-option`.
 */
export function createProbes(lifecycle: Lifecycle, options: ProbeOptions = {}): Probes {
  const { readinessChecks = 'report', cacheMs = 1_000, checkTimeoutMs = 800, showReasons = false } = options
  const paths = validPaths(options.paths)
  if (readinessChecks !== 'report' && readinessChecks !== 'gate') {
    throw new LifecycleError('invalid-option', `readinessChecks must be "report" or "gate"; it is ${show(readinessChecks)}`)
  }
  requireMs(cacheMs, 'cacheMs')
  requireMs(checkTimeoutMs, 'checkTimeoutMs', 1)
  const gate = readinessChecks === 'gate'
  const runChecks = cachedChecks({
    run: () => lifecycle.check({ timeoutMs: checkTimeoutMs }),
    cacheMs,
    now: () => performance.now(),
  })
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
    const verbose = query.has('verbose')
    // Not ready is not ready: nothing is gained by asking a pool that is closing.
    if (!verbose && (!gate || !lifecycle.isReady)) return readyz(lifecycle)
    const exclude = query.getAll('exclude').filter((name) => name !== '')
    // The state is read again after the checks, since a stop may have begun meanwhile.
    return runChecks().then((checks) => readyz(lifecycle, { checks, gate, exclude, verbose, showReasons }))
  }

  async function answerCheck(encoded: string): Promise<ProbeAnswer> {
    return readyzCheck(decode(encoded), await runChecks(), showReasons)
  }
}

function decode(encoded: string): string {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return encoded
  }
}

function validPaths({ live = '/livez', ready = '/readyz', startup = '/startupz' }: ProbePaths = {}): Required<ProbePaths> {
  for (const [name, path] of Object.entries({ live, ready, startup })) {
    if (typeof path !== 'string' || !/^\/[^?#\s]*[^?#\s/]$/.test(path)) {
      throw new LifecycleError('invalid-option', `paths.${name} must begin with "/", without a "/" at its end or a query; it is ${show(path)}`)
    }
  }
  if (new Set([live, ready, startup]).size < 3) {
    throw new LifecycleError('invalid-option', `paths must differ; they are live ${live}, ready ${ready}, startup ${startup}`)
  }
  return { live, ready, startup }
}
