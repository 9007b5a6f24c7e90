import type { ServerHttp2Stream } from 'node:http2'
import { handlerEnded } from '@lameduck/http'
import type { Handler, Handlers } from '../track-handlers.ts'

/** What `@grpc/grpc-js` keeps of a method. */
export interface GrpcMethod {
  readonly type?: string
  func: Handler
}

/** A call as a handler is given it: interceptors stand between it and the one that has the stream. All of it is private to grpc-js. */
interface Layer {
  readonly call?: Layer
  readonly nextCall?: Layer
  readonly stream?: ServerHttp2Stream
}

/** A method whose handlers are counted, also where their client has left, or has got `DEADLINE_EXCEEDED`. */
export function trackCalls({ type, func }: GrpcMethod, path: string, handlers: Handlers): Handler {
  if (type !== 'unary') return handlers.track(func, path, () => true)
  // What else a cancelled call begins is unsubscribed from by Nest, which tells nobody whether its work has ended.
  return handlers.track(untilAnswered(func), path, () => true, ([call]) => () => {
    const stream = streamOf(call as Layer)
    if (stream) handlerEnded(stream)
  })
}

/** Nest's method is over when it has an Observable, such as that of an interceptor, in which the handler has yet to run. Its callback says when that has ended. */
function untilAnswered(func: Handler): Handler {
  return (call, callback, ...rest) =>
    new Promise((resolve, reject) => {
      const answer = (...parameters: unknown[]): unknown => {
        resolve(undefined)
        return (callback as Handler)(...parameters)
      }
      Promise.resolve(func(call, answer, ...rest)).catch(reject)
    })
}

function streamOf({ call }: Layer): ServerHttp2Stream | undefined {
  let layer = call
  while (layer && !layer.stream) layer = layer.nextCall
  return layer?.stream
}
