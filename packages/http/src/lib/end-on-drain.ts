import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse, ServerHttp2Stream } from 'node:http2'
import { LifecycleError, show } from '@lameduck/core'
import { endForHandler } from './ended-for-handler.ts'
import { longAnswersOf } from './long-answers.ts'

/** An answer of `node:http`, `node:https` or `node:http2`, or a stream of the latter. */
export type LongAnswer = ServerResponse | Http2ServerResponse | ServerHttp2Stream

/**
 * Ends a long answer (an event stream, a long poll) when the lame duck of its server is over, so that its client comes back to another
 * replica; and not at the signal, when it would come back to this one. Many are ended over a while, like WebSockets (`upgradedSpreadMs`).
 * It keeps nothing of an answer that has ended, or whose client has left. On a server that no `httpServer` drains, as in a test
 * of a handler, it does nothing.
 *
 * An async handler of a server that is at work behind the end is waited for, at most for 2 s; then it is `unknown` until it has come to its end.
 * Not for GET, HEAD, OPTIONS or TRACE. Other work behind the end is seen by nobody: make it `trackedWork`.
 *
 * @param last written before the end, such as a last event; or a function that ends the answer in its own way, and may be async
 * @throws LifecycleError `invalid-option` when it is no answer, or `last` is none of these.
 */
export function endOnDrain(answer: LongAnswer, last?: string | Uint8Array | (() => unknown)): void {
  requireAnswer(answer)
  if (last !== undefined && typeof last !== 'string' && typeof last !== 'function' && !(last instanceof Uint8Array)) {
    throw new LifecycleError('invalid-option', `endOnDrain(response, last): last must be a text, bytes or a function; it is ${show(last)}`)
  }
  if (isOver(answer)) return
  const forget = longAnswersOf(serverOf(answer))?.add(say)
  if (forget) answer.once('close', forget)

  function say(): unknown {
    if (isOver(answer)) return undefined
    return endForHandler(answer, () => (typeof last === 'function' ? last() : void answer.end(last ?? '')))
  }
}

function isOver(answer: LongAnswer): boolean {
  return answer.destroyed || answer.writableEnded
}

function serverOf(answer: LongAnswer): unknown {
  if ('session' in answer) return answer.session && 'server' in answer.session ? answer.session.server : undefined
  if ('stream' in answer) return answer.stream ? serverOf(answer.stream) : undefined
  // Not the response's own socket: an answer that waits in a pipeline has none yet.
  return (answer.req.socket as { readonly server?: unknown } | null)?.server
}

function requireAnswer(answer: unknown): void {
  if (typeof answer === 'object' && answer !== null && ('session' in answer || 'stream' in answer || 'req' in answer) && 'end' in answer) return
  throw new LifecycleError(
    'invalid-option',
    `endOnDrain() needs Node's own response: of Fastify reply.raw, of Koa ctx.res, of Hono context.env.outgoing; it was given ${show(answer)}`,
  )
}
