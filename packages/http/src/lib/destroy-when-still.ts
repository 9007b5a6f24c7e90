import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Upgrade } from './connection.ts'

/** More than the pauses in the middle of what is being sent, and than most answers take; less than between two pings. */
const stillMs = 1_000

const arranged = new WeakMap<Duplex, () => Promise<void>>()

/** What had been written to a socket when its client last said something since the signal. Without an entry nobody has followed that. */
const writtenWhenAsked = new WeakMap<Socket, number>()

/**
 * Follows, from the signal on, whether the client has the last word on a tunnel or a proxied WebSocket. A question that nobody has answered is
 * waited for, however still it is. What has another stream piped into it flows already, so that listening takes no data away from anybody.
 */
export function followLastWord(socket: Socket, { stream }: Upgrade): void {
  if (stream.listenerCount('unpipe') === 0) return
  writtenWhenAsked.set(socket, -1)
  stream.on('data', () => writtenWhenAsked.set(socket, socket.bytesWritten))
}

export interface StillInput {
  readonly longestMs: number
  readonly later: (ms: number, action: () => void) => void
}

/** Tells `destroyWhenStill` what it needs to know of a socket, whoever calls it: `closeUpgraded` may be called by one of the application's own. */
export function arrangeDestroy(socket: Socket, upgrade: Upgrade, input: StillInput): void {
  arranged.set(upgrade.stream, () => watchAndDestroy(socket, upgrade, input))
}

/**
 * Destroys a stream in the moment in which the least is lost with it: when nothing has moved on it for a second, in either direction, nothing is
 * queued, and since the signal its client has not had the last word. Another is destroyed at the end. It counts as `unknown` all the same, for
 * an older question may have no answer yet, and a pong looks like one.
 */
export async function destroyWhenStill(stream: Duplex): Promise<void> {
  await arranged.get(stream)?.()
  stream.destroy()
}

async function watchAndDestroy(socket: Socket, upgrade: Upgrade, { longestMs, later }: StillInput): Promise<void> {
  const { stream } = upgrade
  const pauseMs = Math.min(stillMs, longestMs)
  const closed = new Promise<void>((resolve) => stream.once('close', resolve))
  let isStill = false
  for (let left = Math.floor(longestMs / pauseMs); left > 0 && !isStill; left -= 1) {
    const before = movedOn(socket)
    await Promise.race([closed, new Promise<void>((resolve) => later(pauseMs, resolve))])
    if (stream.destroyed) return
    isStill = before === movedOn(socket) && isAnswered(socket) && !isQueued(stream) && !isQueued(socket)
  }
}

function movedOn({ bytesRead, bytesWritten }: Socket): string {
  return `${bytesRead} ${bytesWritten}`
}

function isAnswered(socket: Socket): boolean {
  return socket.bytesWritten > (writtenWhenAsked.get(socket) ?? Infinity)
}

/** What has been read, and waits for the other end of the tunnel, is on its way, too. */
function isQueued({ readableLength, writableLength }: Duplex): boolean {
  return readableLength + writableLength > 0
}
