import type { Http2ServerResponse } from 'node:http2'
import type { LongAnswer } from './end-on-drain.ts'
import { settlesLater } from './handler-promises.ts'
import { untilHandlersEnd } from './until-handlers-end.ts'

const endedFor = new WeakMap<object, () => boolean>()

/**
 * Ends an answer in the middle of its handler, by `end`, and waits for the handler where its promise is known: it may have rows to write. One
 * that takes longer is doubted until it has come to its end.
 */
export async function endForHandler(answer: LongAnswer, end: () => unknown): Promise<void> {
  const hasSettled = settlesLater(answer)
  if (hasSettled) endedFor.set(streamOf(answer), hasSettled)
  await end()
  await untilHandlersEnd(() => (hasSettled?.() === false ? 1 : 0))
}

/** Of an answer that was ended for its handler: whether that has come to its end. */
export function handlerOf(answer: object): (() => boolean) | undefined {
  return endedFor.get(answer)
}

/** A response of HTTP/2 is known by its stream. */
function streamOf(answer: LongAnswer): object {
  return (answer as Partial<Http2ServerResponse>).stream ?? answer
}
