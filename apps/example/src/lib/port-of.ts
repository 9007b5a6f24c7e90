import type { Server } from 'node:net'

/** The port that a listening server has got. */
export function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}
