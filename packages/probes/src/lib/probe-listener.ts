import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Lifecycle } from '@lameduck/core'
import { createProbes, type ProbeOptions } from './create-probes.ts'
import { markProbe } from './mark-probe.ts'
import type { ProbeAnswer } from './probe-answer.ts'

/** Answers the request and returns true, or returns false and leaves it alone. */
export type ProbeListener = (request: Pick<IncomingMessage, 'method' | 'url'>, response: ServerResponse) => boolean

/**
 * The probes for a server that exists already:
 *
 * `createServer((request, response) => probes(request, response) || app(request, response))`
 *
 * On the service's own port the probes are gone when its listener closes; `probeServer` answers to the end.
 *
 * @throws LifecycleError `invalid-option`.
 */
export function probeListener(lifecycle: Lifecycle, options: ProbeOptions = {}): ProbeListener {
  const probes = createProbes(lifecycle, options)
  return (request, response) => {
    const answer = probes.answer(request.method ?? '', request.url ?? '')
    if (answer === undefined) return false
    markProbe(request)
    if (answer instanceof Promise) void answer.then((late) => send(request.method, response, late))
    else send(request.method, response, answer)
    return true
  }
}

function send(method: string | undefined, response: ServerResponse, { status, body }: ProbeAnswer): void {
  if (response.destroyed) return
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
  })
  response.end(method === 'HEAD' ? undefined : body)
}
