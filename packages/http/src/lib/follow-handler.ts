import type { Http2ServerResponse, ServerHttp2Stream } from 'node:http2'
import { typeOn } from './content-type.ts'
import { afterListeners } from './ended-on-close.ts'
import { hasBeenEnded } from './handler-ended.ts'
import { settlesLater } from './handler-promises.ts'
import { isMadeToBeLeft } from './made-to-be-left.ts'
import { notice } from './notice-call.ts'
import { isSafe } from './safe-methods.ts'

/** With them a handler begins its answer, or ends it. `close` and `destroy` are not among them: listeners of `aborted` call these, beside a handler that goes on. */
const answering = ['respond', 'respondWithFile', 'respondWithFD', 'end'] as const

/**
 * For the listener of `aborted` of an HTTP/2 stream. Where all of the request has come, and the answer has not ended, its handler may be
 * in the middle of the work: returns the function that says whether it has ended its answer meanwhile, which reaches nobody any longer, or has come to its end.
 *
 * What a listener of `close` calls says nothing of a handler that was to change something, and has sent nothing yet.
 *
 * Node keeps nothing of such a call, not even in `writableEnded` of the compatible response, so it is looked at as it comes.
 */
export function followHandler(stream: ServerHttp2Stream, { method }: { readonly method: string }): (() => boolean) | undefined {
  const response = responseOf(stream)
  if (!isWhole(stream) || (stream.headersSent && isMadeToBeLeft(method, typeOn(stream), response ?? stream))) return undefined
  let hasEnded = false
  const answer = response ?? stream
  const hasSettled = settlesLater(answer)
  let isClosing = false
  const onCall = (): void => void (hasEnded ||= !isClosing)
  if (!isSafe(method) && !stream.headersSent) {
    stream.prependListener('close', () => {
      isClosing = true
      afterListeners(() => (isClosing = false))
    })
  }
  // Node itself ends the stream when it has told of the abort.
  process.nextTick(() => {
    if (response) notice(response, 'end', onCall)
    else for (const method of answering) notice(stream, method, onCall)
  })
  return () => hasEnded || response?.writableEnded === true || hasSettled?.() === true || hasBeenEnded(stream) || hasBeenEnded(answer)
}

/** `readableEnded` would say that somebody has read it. Without this property, which Node 20 to 26 have, it passes for whole. */
function isWhole({ _readableState: state }: ServerHttp2Stream & { readonly _readableState?: { readonly ended?: boolean } }): boolean {
  return state?.ended !== false
}

/** The stream's compatible response has no public way back to it. It is kept by a symbol in Node 20 to 26; without it nobody learns that such a handler has ended. */
function responseOf(stream: ServerHttp2Stream): Http2ServerResponse | undefined {
  const symbol = Object.getOwnPropertySymbols(stream).find(({ description }) => description === 'response')
  return symbol && (Reflect.get(stream, symbol) as Http2ServerResponse | undefined)
}
