import type { Exchange, Stream } from './connection.ts'
import { typeOf } from './content-type.ts'
import { describeRequest, nameOf } from './describe-request.ts'
import { handlerOf } from './ended-for-handler.ts'
import { hasEnded } from './ended-on-close.ts'
import { hasEndedSince } from './ended-since.ts'
import { hasBeenEnded } from './handler-ended.ts'
import { isMadeToBeLeft } from './made-to-be-left.ts'

/** A handler whose client has gone before its answer was complete, or whose answer was ended for it: until it ends, nobody can tell what has become of its work. */
export interface Abandoned {
  readonly why: () => string
  readonly hasEnded: () => boolean
}

export function abandonedRequest(exchange: Exchange): Abandoned | undefined {
  const { response } = exchange
  const { req } = response
  if (!req.complete || hasEnded(response) || (response.headersSent && isMadeToBeLeft(req.method ?? '', typeOf(response), response))) return undefined
  return { why: () => `${nameOf(exchange)}: its client hung up, and its handler had not ended`, hasEnded: () => hasEnded(response) || hasEndedSince(response) || hasBeenEnded(response) }
}

export function abandonedStream(stream: Stream): Abandoned | undefined {
  const { hasHandlerEnded } = stream
  return hasHandlerEnded && { why: () => `${describeRequest(stream)}: its stream was closed, and its handler had not ended`, hasEnded: hasHandlerEnded }
}

/** One whose answer `endOnDrain` has ended. */
export function endedForHandler(name: string, answer: object): Abandoned | undefined {
  const hasHandlerEnded = handlerOf(answer)
  return hasHandlerEnded && { why: () => `${name}: endOnDrain() ended its answer, and its handler had not ended`, hasEnded: hasHandlerEnded }
}
