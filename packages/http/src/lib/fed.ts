import type { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'

/** Remembers that a stream is piped into an answer: when its client has left, `pipe` has taken its own traces away before somebody asks. */
export function rememberPipes(response: ServerResponse): void {
  response.on('pipe', onPipe)
}

/** Whether a stream is piped into it (`pipe`, `pipeline`, `sendFile`), or was when its client left. */
export function isFed(answer: EventEmitter): boolean {
  return answer.listenerCount('unpipe') > 0
}

function onPipe(this: ServerResponse): void {
  this.on('unpipe', onUnpipe)
}

function onUnpipe(this: ServerResponse, source: Readable): void {
  if (source.readableEnded) this.off('unpipe', onUnpipe)
}
