import type { Socket } from 'node:net'

/** The open sockets of a server. */
export interface OpenSockets {
  add(socket: Socket): void
  /** No longer one of them, although it is open: TLS has begun on it. */
  remove(socket: Socket): void
  all(): Iterable<Socket>
  readonly size: number
  /** Those that have closed before that, and are remembered. They are told once. */
  closed(): Iterable<Socket>
  /** From now on `onClose` is called when one of them has closed. */
  follow(onClose: (socket: Socket) => void): void
}

/** With fewer references there is nothing to gain from clearing out. */
const leastToClear = 1_000

/**
 * Holds them weakly, and without a listener, until somebody has to know when they close. A `close` listener on every socket costs
 * 210 bytes (Node adds and removes one of its own for each request, and an array of listeners that has grown stays long), a
 * weak reference and its place in a set 60; and open connections that are idle are what a server has most of its life.
 *
 * @param isOne whether an open socket is still one of them
 * @param isKept whether one that has closed is remembered, as long as somebody holds it
 */
export function openSockets(isOne: (socket: Socket) => boolean, isKept: (socket: Socket) => boolean): OpenSockets {
  const refs = new Set<WeakRef<Socket>>()
  let clearAt = leastToClear
  let followed: Set<Socket> | undefined
  let tell = (_socket: Socket): void => {}

  function* remembered(): Generator<Socket> {
    for (const ref of refs) {
      const socket = ref.deref()
      if (socket && !socket.destroyed && isOne(socket)) yield socket
      else if (!socket?.destroyed || !isKept(socket)) refs.delete(ref)
    }
  }

  function remember(socket: Socket): void {
    refs.add(new WeakRef(socket))
    if (refs.size < clearAt) return
    for (const _ of remembered());
    clearAt = Math.max(leastToClear, refs.size * 2)
  }

  function hold(socket: Socket): void {
    if (followed?.has(socket)) return
    followed?.add(socket)
    socket.on('close', onClose)
  }

  /** One function for all of them. */
  function onClose(this: Socket): void {
    if (followed?.delete(this)) tell(this)
  }

  return {
    add(socket) {
      // One that is destroyed already may have told so.
      if (!socket.destroyed) (followed ? hold : remember)(socket)
    },
    remove: (socket) => void followed?.delete(socket),
    all: () => followed ?? remembered(),
    get size() {
      return followed?.size ?? [...remembered()].length
    },
    closed() {
      const closed = [...refs].map((ref) => ref.deref()).filter((socket) => socket !== undefined && socket.destroyed && isKept(socket))
      return closed as Socket[]
    },
    follow(onCloseOf) {
      tell = onCloseOf
      if (followed) return
      const open = [...remembered()]
      followed = new Set()
      for (const socket of open) hold(socket)
      refs.clear()
    },
  }
}
