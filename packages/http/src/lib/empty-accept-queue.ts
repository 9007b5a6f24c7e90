import type { Server } from 'node:net'
import { turn } from './turn.ts'

/**
 * Lets the server accept what the kernel has accepted for it already: closing the listener resets those connections
 * (100 of 100 in the measurement behind this). libuv takes one connection per turn of the loop, so a fixed
 * pause does not do it; two turns in a row without a connection do. Under endless new connections it ends after `limitMs`.
 */
export async function emptyAcceptQueue(server: Server, limitMs: number, signal: AbortSignal): Promise<void> {
  const until = performance.now() + limitMs
  let accepted = 0
  const count = (): void => {
    accepted += 1
  }
  server.on('connection', count)
  try {
    // The first may come right after a poll that had begun before, and proves nothing.
    await turn()
    for (let quiet = 0; quiet < 2 && performance.now() < until && !signal.aborted; ) {
      const before = accepted
      await turn()
      quiet = accepted === before ? quiet + 1 : 0
    }
  } finally {
    server.off('connection', count)
  }
}
