import type { DrainableServer } from './http-server.ts'

/**
 * A server that closes an idle connection before the balancer in front does will now and then close one on which a request is on
 * its way. Without a limit (0) it never closes one; HTTP/2 has no such time.
 */
export function warnOfKeepAlive(name: string, server: DrainableServer, upstreamIdleMs: number | undefined): string[] {
  if (upstreamIdleMs === undefined || !('keepAliveTimeout' in server)) return []
  const { keepAliveTimeout } = server
  if (keepAliveTimeout === 0 || keepAliveTimeout > upstreamIdleMs) return []
  return [
    `${name} closes idle connections after ${keepAliveTimeout} ms (keepAliveTimeout), but what is in front of it uses them for ${upstreamIdleMs} ms: a request that comes in that moment is lost, as a 502. ` +
      `Set server.keepAliveTimeout = ${upstreamIdleMs + 5_000}.`,
  ]
}
