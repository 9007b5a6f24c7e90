import type { ServerHttp2Stream } from 'node:http2'

const brokenOff: unique symbol = Symbol('lameduck.brokenOff')
type Noticed = ServerHttp2Stream & { [brokenOff]?: true }

/** Remembers whether a stream is destroyed while it is open: when it has closed, Node has nothing that tells this from one whose both sides have ended. */
export function noticeDestroy(stream: ServerHttp2Stream): void {
  stream.destroy = destroyNoticed
}

export function wasBrokenOff(stream: Noticed): boolean {
  return stream[brokenOff] === true
}

/** One function for all of them. */
function destroyNoticed(this: Noticed, error?: Error): ServerHttp2Stream {
  if (!this.closed) this[brokenOff] = true
  return Reflect.apply(Reflect.get(Object.getPrototypeOf(this) as object, 'destroy') as ServerHttp2Stream['destroy'], this, [error])
}
