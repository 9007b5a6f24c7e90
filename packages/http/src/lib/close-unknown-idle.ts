import type { Server, Socket } from 'node:net'
import type { Connections } from './connections.ts'

/**
 * Connections that were open before the server was attached and have been idle since are known to Node alone, where they
 * could not be listed. Its own sweep ends them, but would also cut answers that are still being flushed, so it has to wait for those.
 */
export function closeUnknownIdle(server: Server, connections: Connections): void {
  const { closeIdleConnections } = server as Server & { closeIdleConnections?: () => void }
  if (!closeIdleConnections) return
  server.getConnections((error, open) => {
    if (!error && open > connections.size && ![...connections.all()].some(isFlushing)) closeIdleConnections.call(server)
  })
}

function isFlushing(socket: Socket): boolean {
  return socket.writableLength > 0
}
