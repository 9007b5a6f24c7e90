import type { Server } from 'node:net'
import { closeListener } from './close-listener.ts'
import { closeWithoutQueue } from './close-without-queue.ts'
import { emptyAcceptQueue } from './empty-accept-queue.ts'
import { hearFromPrimary } from './hear-from-primary.ts'
import { narrowAcceptQueue } from './narrow-accept-queue.ts'

/** Endless new connections may not keep the listener open for longer, where the event loop is free. */
const acceptLimitMs = 1_000

/** What comes to a narrow queue needs no longer than this. */
const lastLookMs = 10

/**
 * Accepts what the kernel has accepted, then closes the listener of any server of `node:net`, and only the listener. In a cluster worker, gives back
 * what the primary had handed over by then. Does nothing where nobody listens.
 *
 * @param limitMs what the caller has for it, in ms; endless new connections do not get more than a second of a free event loop
 */
export async function stopAccepting(server: Server, limitMs: number, signal: AbortSignal): Promise<void> {
  if (!server.listening) return
  await emptyAcceptQueue(server, { freeMs: acceptLimitMs, limitMs }, signal)
  if (server.listening && !signal.aborted) {
    const isNarrow = narrowAcceptQueue(server)
    await emptyAcceptQueue(server, { freeMs: lastLookMs, limitMs: lastLookMs }, signal)
    if (isNarrow) await closeWithoutQueue(server, signal)
  }
  closeListener(server)
  await hearFromPrimary(signal)
}
