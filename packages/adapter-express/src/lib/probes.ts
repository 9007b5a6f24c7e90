import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Lifecycle } from '@lameduck/core'
import { probeListener, type ProbeOptions } from '@lameduck/probes'

/** A middleware as Express 4 and 5 take it. */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void

/**
 * `/livez`, `/readyz` and `/startupz` on the application's own port. Use it first, before whatever asks for credentials,
 * limits rates or writes an access log. When the listener closes, the probes are gone with it; `probeServer` of
 * `@lameduck/probes` answers to the end.
 *
 * @throws LifecycleError `invalid-option`.
 */
export function probes(lifecycle: Lifecycle, options: ProbeOptions = {}): Middleware {
  const answer = probeListener(lifecycle, options)
  return (request, response, next) => {
    if (!answer(request, response)) next()
  }
}
