import type { ClientSocket, QueryOrigin } from './pg-internals.ts'
import { sendCancelRequest } from './send-cancel-request.ts'

/** The first wait for the effect of a CancelRequest, in ms; doubled each time. */
const firstWaitMs = 10

/** A request needs this long to be answered through a pooler on a busy machine, in ms. */
const answerMs = 20

/**
 * Cancels what the server is doing for a client, and resolves when the server has said that it is done, at the
 * latest after `timeoutMs`. Repeats the request until then: one that overtakes the query it is meant for (on a busy
 * machine, through a pooler) finds the backend idle and is ignored, and the query runs on for nobody.
 *
 * From now on the client itself reads nothing, so that it cannot send the next query of its queue when the first has
 * ended; its connection is good for nothing but to be destroyed.
 */
export async function cancelQuery(socket: ClientSocket, { server, key }: QueryOrigin, timeoutMs: number): Promise<void> {
  const until = performance.now() + timeoutMs
  const done = new AbortController()
  let tail = Buffer.alloc(0)
  socket.removeAllListeners('data')
  socket.addListener('data', (bytes) => {
    tail = Buffer.concat([tail, bytes]).subarray(-6)
    if (isReadyForQuery(tail)) done.abort()
  })
  socket.addListener('close', () => done.abort())
  for (let waitMs = firstWaitMs; ; waitMs *= 2) {
    await sendCancelRequest(server, key, until - performance.now())
    await atMost(Math.min(waitMs, until - performance.now()), done.signal)
    if (done.signal.aborted) return
    // Not one that would still be open at the end: see sendCancelRequest.
    if (until - performance.now() < answerMs) return atMost(until - performance.now(), done.signal)
  }
}

/** The last message of every answer: 'Z', a length of 5, and the state of the transaction. */
function isReadyForQuery(tail: Buffer): boolean {
  return tail.length === 6 && tail[0] === 0x5a && tail.readInt32BE(1) === 5
}

function atMost(ms: number, done: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (done.aborted || ms <= 0) return resolve()
    const timer = setTimeout(finish, ms)
    done.addEventListener('abort', finish, { once: true })

    function finish(): void {
      clearTimeout(timer)
      done.removeEventListener('abort', finish)
      resolve()
    }
  })
}
