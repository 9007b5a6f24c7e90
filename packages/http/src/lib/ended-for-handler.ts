import { setTimeout } from 'node:timers/promises'
import type { Http2ServerResponse } from 'node:http2'
import type { LongAnswer } from './end-on-drain.ts'
import { settlesLater } from './handler-promises.ts'

/** How long a handler is waited for whose answer was ended for it, in ms. It may hang on a client that is told no more. */
const handlerMs = 2_000
const pauseMs = 16

const endedFor = new WeakMap<object, () => boolean>()

/**
 * Ends an answer in the middle of its handler, by `end`, and waits for the handler where its promise is known: it may have rows to write. One
 * that takes longer is doubted until it has come to its end.
 */
export async function endForHandler(answer: LongAnswer, end: () => unknown): Promise<void> {
  const hasSettled = settlesLater(answer)
  if (hasSettled) endedFor.set(streamOf(answer), hasSettled)
  await end()
  const latest = performance.now() + handlerMs
  while (hasSettled?.() === false && performance.now() < latest) await setTimeout(pauseMs)
}

/** Of an answer that was ended for its handler: whether that has come to its end. */
export function handlerOf(answer: object): (() => boolean) | undefined {
  return endedFor.get(answer)
}

/** A response of HTTP/2 is known by its stream. */
function streamOf(answer: LongAnswer): object {
  return (answer as Partial<Http2ServerResponse>).stream ?? answer
}
