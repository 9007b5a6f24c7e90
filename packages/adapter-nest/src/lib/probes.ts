import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Lifecycle } from '@lameduck/core'
import { probeListener, type ProbeOptions } from '@lameduck/probes'

/** A middleware for `app.use()`, on Express and on Fastify. */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void

/**
 * `/livez`, `/readyz` and `/startupz` on the application's own port: `app.use(probes(lifecycle))`. A middleware and not a
 * controller, so that no global prefix moves them and no guard, pipe or interceptor stands in front of them. When the
 * listener closes they are gone with it; `probeServer` of `@lameduck/probes` answers to the end.
 *
 * @throws LifecycleError `invalid-option`.
 */
export function probes(lifecycle: Lifecycle, options: ProbeOptions = {}): Middleware {
  const answer = probeListener(lifecycle, options)
  return (request, response, next) => {
    if (!answer(request, response)) next()
  }
}
