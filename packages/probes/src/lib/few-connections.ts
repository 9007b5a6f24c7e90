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

/**
 * Whoever comes newly is let in, and the connection that has been silent for longest has to go: silent and slow connections of strangers would
 * take all descriptors of the process, and lock out the kubelet.
 */
export function keepFewConnections(server: Server): void {
  const open = new Set<Socket>()
  const busy = new Set<Socket>()
  server.on('connection', (socket) => {
    open.add(socket)
    socket.on('close', () => {
      open.delete(socket)
      busy.delete(socket)
    })
    if (open.size > mostConnections) oldest()?.destroy()
  })
  server.prependListener('request', ({ socket }, response) => {
    busy.add(socket)
    response.on('close', () => busy.delete(socket))
  })

  function oldest(): Socket | undefined {
    let first: Socket | undefined
    for (const socket of open) {
      if (!busy.has(socket)) return socket
      first ??= socket
    }
    return first
  }
}
