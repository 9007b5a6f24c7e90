import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** Connections at a time; kubelet opens one for each probe, and closes it. */
const mostConnections = 32

/** Of a server of probes: a probe is one small request, and its client waits a second for the answer. */
export const smallServer = {
  maxHeaderSize: 8_192,
  headersTimeout: 2_000,
  requestTimeout: 3_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 500,
} as const

/** How long a connection has for its request before it passes for silent, in ms. */
const silentMs = 100

/**
 * Whoever comes newly is let in, and the oldest silent connection has to go; where none is silent, the one whose request is the oldest: silent and slow
 * connections of strangers would take all descriptors of the process, and lock out the kubelet.
 */
export function keepFewConnections(server: Server): void {
  /** With the monotonic ms of its accept. */
  const open = new Map<Socket, number>()
  const busy = new Set<Socket>()
  server.on('connection', (socket) => {
    if (open.size >= mostConnections) end(leastMissed())
    open.set(socket, performance.now())
    socket.on('close', () => forget(socket))
  })
  server.prependListener('request', ({ socket }, response) => {
    if (!open.has(socket)) return
    busy.add(socket)
    response.on('close', () => busy.delete(socket))
  })

  /** Forgotten at once: many may be accepted before it tells of its close. */
  function end(socket: Socket | undefined): void {
    if (!socket) return
    forget(socket)
    socket.destroy()
  }

  function forget(socket: Socket): void {
    open.delete(socket)
    busy.delete(socket)
  }

  function leastMissed(): Socket | undefined {
    const [oldestRequest] = busy
    const [oldest, acceptedAt = 0] = [...open].find(([socket]) => !busy.has(socket)) ?? []
    return performance.now() - acceptedAt < silentMs ? (oldestRequest ?? oldest) : (oldest ?? oldestRequest)
  }
}
