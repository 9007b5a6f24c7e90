import type { EventEmitter } from 'node:events'
import { isEventStream } from './content-type.ts'
import { isFed } from './fed.ts'
import { isSafe } from './safe-methods.ts'

/**
 * Whether an answer that was begun is one that clients leave in its middle as a matter of course: an event stream, a download, what another
 * stream is piped into, a call of gRPC that answers in parts, which has no other way to be left. Any other is its handler's to end.
 */
export function isMadeToBeLeft(method: string, type: string, answer: EventEmitter): boolean {
  return isSafe(method) || isEventStream(type) || /^application\/grpc/i.test(type) || isFed(answer)
}
