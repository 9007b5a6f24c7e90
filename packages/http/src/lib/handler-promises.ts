import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { inspect, types } from 'node:util'
import { isSafe } from './safe-methods.ts'

const promiseKey: unique symbol = Symbol('lameduck.handlerPromise')
interface Answer {
  [promiseKey]?: Promise<unknown>
}
type Listener = ((this: unknown, request: IncomingMessage, response: Answer) => unknown) & { readonly listener?: unknown }

/**
 * Keeps the promise that a handler returns with its answer, which an emitter drops: the only one that tells when the handler of a client that has left comes to
 * its end. What is listened to by now is followed, also of what other libraries have put around the handlers; and `server.listeners('request')` and `server.off` know the listeners as before.
 */
export function keepHandlerPromises(server: EventEmitter): void {
  for (const event of requests) keepPromisesOf(server, event)
}

/** The events by which a handler gets a request. */
const requests = ['request', 'checkContinue', 'checkExpectation']

function keepPromisesOf(server: EventEmitter, event: string): void {
  const listeners = server.rawListeners(event) as Listener[]
  if (listeners.every(isWrapped)) return
  server.removeAllListeners(event)
  for (const listener of listeners) server.on(event, isWrapped(listener) ? listener : keepPromise(listener))
}

/** `once`, or this. */
function isWrapped({ listener }: Listener): boolean {
  return listener !== undefined
}

function keepPromise(listener: Listener): Listener {
  function followed(this: unknown, request: IncomingMessage, response: Answer): unknown {
    const returned = listener.call(this, request, response)
    if (!isSafe(request.method) && types.isPromise(returned)) keep(response, returned)
    return returned
  }
  return Object.assign(followed, { listener })
}

/** A stream of HTTP/2 is known by itself, too. */
function keep(response: Answer & { readonly stream?: Answer }, promise: Promise<unknown>): void {
  response[promiseKey] = promise
  if (response.stream) response.stream[promiseKey] = promise
}

/** What the handler of an answer has returned, where that was a promise, and may change something. */
export function promiseOf(answer: object): Promise<unknown> | undefined {
  return (answer as Answer)[promiseKey]
}

/**
 * For the moment in which a client leaves, or its answer is ended for the handler: returns the function that says whether that has come to
 * its end since; also of the promise itself. Nothing where no promise is known, or where it had settled before: such a handler has left its answer to somebody else.
 */
export function settlesLater(answer: object): (() => boolean) | undefined {
  const promise = types.isPromise(answer) ? answer : promiseOf(answer)
  return promise && isPending(promise) ? () => !isPending(promise) : undefined
}

/** A `then` would hide an unhandled rejection, or make one. How it is shown is the same in Node 20 to 26; otherwise nobody learns that such a handler has ended. */
function isPending(promise: Promise<unknown>): boolean {
  return /^[^{]*\{\s*<pending>/.test(inspect(promise, { customInspect: false, depth: 0 }))
}
