import type { IncomingHttpHeaders } from 'node:http'
import { LifecycleError, show } from '@lameduck/core'

/** The head of a request, as the client sent it. */
export interface RequestHead {
  readonly method: string
  /** Path and query. */
  readonly url: string
  /** With names in lower case. */
  readonly headers: IncomingHttpHeaders
}

/** Requests that nobody would miss: paths, or a function that knows them. */
export type NotWork = readonly string[] | ((request: RequestHead) => boolean)

export interface WorkFilter {
  /** @param message where `@lameduck/probes` leaves a mark when it answers the request itself */
  isWork(head: RequestHead, message: object): boolean
  /** What the application's function has thrown, if it has. Such a request counts as work. */
  readonly failure: { readonly error: unknown } | undefined
}

/** By a global name: `@lameduck/probes` sets it, and neither package needs the other. */
const probeKey = Symbol.for('lameduck.probe')

/**
 * Health checks of platforms and balancers, and scrapers. Anybody can send such a header, and gains by it only that a lame duck
 * may end at its minimum.
 */
const checkers = /^(?:kube-probe\/|ELB-HealthChecker\/|GoogleHC\/|Consul Health Check|Envoy\/HC|Prometheus\/|Blackbox Exporter\/)/

/** The one path of gRPC that is nobody's work, reserved by its health checking protocol. */
const grpcHealth = '/grpc.health.v1.Health/'

/**
 * Tells requests that are work, which stretch the lame duck, from those that are not: what `@lameduck/probes` answers, known
 * checkers, and what the application names.
 *
 * @throws LifecycleError `invalid-option`.
 */
export function workFilter(notWork: NotWork = []): WorkFilter {
  const isNamed = typeof notWork === 'function' ? notWork : matchPaths(notWork)
  let failure: { readonly error: unknown } | undefined

  return {
    isWork(head, message) {
      if (probeKey in message || head.url.startsWith(grpcHealth) || checkers.test(head.headers['user-agent'] ?? '')) return false
      try {
        return !isNamed(head)
      } catch (error) {
        failure ??= { error }
        return true
      }
    },
    get failure() {
      return failure
    },
  }
}

function matchPaths(paths: readonly string[]): (head: RequestHead) => boolean {
  if (!Array.isArray(paths) || !paths.every((path) => typeof path === 'string' && /^\/[^?#*]*(?:(?<=\/)\*)?$/.test(path))) {
    throw new LifecycleError('invalid-option', `notWork must be a function, or an array of paths such as "/healthz", or "/internal/*" for all below; it is ${show(paths)}`)
  }
  const exact = new Set(paths.filter((path) => !path.endsWith('*')))
  const above = paths.filter((path) => path.endsWith('*')).map((path) => path.slice(0, -1))
  return ({ url }) => {
    const query = url.indexOf('?')
    const path = query < 0 ? url : url.slice(0, query)
    return exact.has(path) || above.some((prefix) => path.startsWith(prefix))
  }
}
