import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { recentMs } from '@lameduck/core'
import { readFrames, type FrameKind, type FrameReading } from './client-frames.ts'
import type { Upgrade } from './connection.ts'

/** The last message of a WebSocket's client, and whether anything has been sent since. */
export interface LastMessage extends FrameReading {
  readonly socket: Socket
  /** Monotonic ms; `-Infinity` when there is none, or it has been answered. */
  at: number
  /** `bytesWritten` of the socket when it came, and of what was written since and is not an answer. */
  written: number
  /** Messages since anything was sent, and when the first of them came, in monotonic ms. */
  silent: number
  silentSince: number
  /** When the newest came of which it was seen that it was answered, in monotonic ms; `-Infinity` without one. */
  answeredAt: number
  /** Bytes of the library's answers to pings of the newest chunk, which come behind it. */
  owed: number
}

/** A ping, or a close frame, of this side that says nothing; the smallest message has a byte more. */
const emptyFrame = 2

const lastKey: unique symbol = Symbol('lameduck.lastMessage')
type Followed = Duplex & { [lastKey]?: LastMessage }

const known = new WeakSet<Duplex>()

/** Follows who has the last word on a WebSocket, from the moment in which its application lets it flow: nothing is taken away from anybody. */
export function followMessages(socket: Socket, stream: Followed, url: string, hasHead: boolean): LastMessage {
  const last: LastMessage = { socket, isEngineIo: /[?&]EIO=/.test(url), at: -Infinity, written: 0, silent: 0, silentSince: Infinity, answeredAt: -Infinity, owed: 0, rest: 0, begun: undefined }
  stream[lastKey] = last
  // What came together with the request is put back by the application, and read before it tells that it flows.
  if (hasHead) onResume.call(stream)
  else stream.once('resume', onResume)
  return last
}

function onResume(this: Duplex): void {
  // What another stream is piped into has its own rule. Before the application's own, which may answer at once.
  if (this.listenerCount('unpipe') === 0) this.prependListener('data', onData)
}

/** One function for all of them. */
function onData(this: Followed, chunk: Buffer | string): void {
  const last = this[lastKey]
  if (!last) return
  last.owed = 0
  if (typeof chunk === 'string') onFrame(last, 'message', 0)
  else readFrames(last, chunk, onFrame)
}

function onFrame(last: LastMessage, kind: FrameKind, bytes: number): void {
  if (kind === 'message') {
    const now = performance.now()
    if (hasBeenSent(last)) {
      last.answeredAt = last.at
      last.silent = 0
    }
    if (last.silent === 0) last.silentSince = now
    last.silent += 1
    last.at = now
    last.written = last.socket.bytesWritten + last.owed
  } else if (kind !== 'notice') {
    last.written += bytes + 2
    if (kind === 'ping') last.owed += bytes + 2
  }
}

/**
 * For adapters: somebody else knows what the messages of this WebSocket begin, and when that is over. Then no server waits for an answer
 * before it says goodbye, and none doubts a message that has no answer.
 */
export function trustUpgraded(stream: Duplex): void {
  known.add(stream)
}

/** Whether anything but a heartbeat has been sent since its last message. */
export function hasBeenSent({ at, socket, written }: LastMessage): boolean {
  return at > -Infinity && socket.bytesWritten - written > emptyFrame
}

/** Whether the client's last message came in this time, and nothing has been sent since. */
export function hasLastWord({ lastMessage: last }: Upgrade, withinMs: number): boolean {
  return last !== undefined && performance.now() - last.at < withinMs && !hasBeenSent(last)
}

/** Whether it has, and nobody knows what its message has begun. */
export function isUnanswered(upgrade: Upgrade, withinMs: number = recentMs): boolean {
  return hasLastWord(upgrade, withinMs) && !known.has(upgrade.stream)
}

/** Does something that writes to the socket and answers nothing. */
export function besideAnswers<T>(upgrade: Upgrade, write: () => T): T {
  const { lastMessage: last } = upgrade
  if (!last) return write()
  if (!hasLastWord(upgrade, recentMs)) last.at = -Infinity
  const before = last.socket.bytesWritten
  try {
    return write()
  } finally {
    last.written += last.socket.bytesWritten - before
  }
}
