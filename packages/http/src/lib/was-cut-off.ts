import type { Socket } from 'node:net'

/**
 * Whether a socket was destroyed while a write to it was not through: Node says `finish` of such an answer, too. It keeps what is under way
 * in a property without documentation, found in Node 20 to 26; without it the answer passes for sent.
 */
export function wasCutOff(socket: Socket): boolean {
  if (!socket.destroyed) return false
  const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'lastWriteQueueSize')
  return symbol !== undefined && Number(Reflect.get(socket, symbol)) > 0
}
