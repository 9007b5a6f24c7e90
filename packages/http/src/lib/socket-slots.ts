import type { Socket } from 'node:net'
import { idle, type Connection } from './connection.ts'
import { openSockets, type OpenSockets } from './open-sockets.ts'
import { isWorthADoubt } from './recently-abandoned.ts'

/** What each open socket of one server is, and who is told when that changes. */
export interface SocketSlots {
  readonly sockets: OpenSockets
  /** Also of one that has closed, as long as it is worth a doubt. */
  get(socket: Socket): Connection | undefined
  /** A socket that is not known yet is one of the open ones from now on. */
  put(socket: Socket, connection: Connection): void
  /** Takes out what it is, and returns that. */
  take(socket: Socket): Connection | undefined
  /** What the open ones are. */
  open(): Iterable<Connection>
  changed(socket: Socket): void
  /** The same, for what every request does. */
  arrived(socket: Socket): void
  /** An answer has ended. */
  finished(socket: Socket): void
  /** Returns the function that ends it. */
  readonly watch: (listener: (socket: Socket) => void) => () => void
}

export function socketSlots(): SocketSlots {
  /** On the socket itself: faster than a map in the two look-ups that every request costs. */
  const slot: unique symbol = Symbol('lameduck.connection')
  type Tracked = Socket & { [slot]?: Connection | undefined }
  const watchers = new Set<(socket: Socket) => void>()
  const sockets = openSockets((socket: Tracked) => socket[slot] !== undefined, (socket: Tracked) => isWorthADoubt(socket, socket[slot]))

  function changed(socket: Socket): void {
    for (const watcher of watchers) watcher(socket)
  }

  return {
    sockets,
    get: (socket: Tracked) => socket[slot],
    put(socket: Tracked, connection) {
      const isNew = !socket[slot]
      socket[slot] = connection
      if (isNew) sockets.add(socket)
    },
    take(socket: Tracked) {
      const connection = socket[slot]
      socket[slot] = undefined
      return connection
    },
    *open() {
      for (const socket of sockets.all() as Iterable<Tracked>) yield socket[slot] ?? idle
    },
    changed,
    arrived(socket) {
      if (watchers.size > 0) changed(socket)
    },
    finished(socket) {
      // Node is not done with the answer, and would arm timers on a socket that a watcher destroys.
      if (watchers.size > 0) process.nextTick(changed, socket)
    },
    watch(listener) {
      watchers.add(listener)
      return () => watchers.delete(listener)
    },
  }
}
