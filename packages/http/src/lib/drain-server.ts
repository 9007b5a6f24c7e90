import type { Server } from 'node:net'
import type { Duplex } from 'node:stream'
import { orAborted, type InHand } from '@lameduck/core'
import { closeListener } from './close-listener.ts'
import type { Connections } from './connections.ts'
import type { LongAnswers } from './long-answers.ts'
import { handlesOf } from './open-before.ts'
import { stopAccepting } from './stop-accepting.ts'
import { sweep } from './sweep.ts'
import { turn } from './turn.ts'

/** What a drain is told. */
export interface DrainInput {
  readonly server: Server
  readonly connections: Connections
  readonly longAnswers: LongAnswers
  /** Whether the server has closed: no listener, and none of its own connections left. */
  readonly isClosed: () => boolean
  readonly remaining: () => number
  readonly signal: AbortSignal
  readonly unusedGraceMs: number
  readonly unbegunGraceMs: number
  readonly upgradedSpreadMs: number | undefined
  readonly upgradedWork: InHand | undefined
  /** How many units of `upgradedWork` were in hand when their clients were told to go. */
  readonly onUnanswered: (units: number) => void
  readonly closeUpgraded: (socket: Duplex, protocol: string) => unknown
  /** The application's own part. */
  readonly onDrain: () => unknown
}

/**
 * Ends a server whose clients have been told to go elsewhere, without losing what they have sent already.
 *
 * 1. Accept what the kernel has accepted, then close the listener, and only the listener: `http.Server.close()` also
 *    cuts answers that are still being flushed (Node ≥ 19) and stops the timers that end half-sent requests. In a cluster
 *    worker, give back what the primary had handed over by then.
 * 2. One whole turn of the loop, so that bytes received become requests.
 * 3. Let the application tell what holds requests open.
 * 4. Go through the connections: destroy idle ones, leave busy ones, give never-used ones the grace, say goodbye on
 *    HTTP/2 and upgraded ones. What changes later is judged again when it changes.
 * 5. Done when the last connection is gone, or when the signal aborts.
 */
export async function drainServer(input: DrainInput): Promise<void> {
  const { server, connections, onDrain, remaining, signal } = input
  connections.announceClose(true)
  await stopAccepting(server, remaining() / 2, signal)
  // Two, because the first may come right after a poll that had begun before.
  await turn()
  await turn()
  // Beside the sweep, since it may wait for connections that are ended there.
  const results = await Promise.allSettled([untilAborted(onDrain, signal), sweep(input)])
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
  if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors, 'onDrain and the goodbyes failed')
}

/** What it does later is nobody's: the step was cut. */
async function untilAborted(action: () => unknown, signal: AbortSignal): Promise<void> {
  const running = (async () => action())()
  await orAborted(running, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}

/** Cuts everything that is left, in this tick. Independent of a drain that is running. */
export function forceServer(server: Server, connections: Connections): void {
  closeListener(server)
  connections.giveUp()
  for (const socket of connections.all()) {
    const connection = connections.of(socket)
    if (connection?.kind === 'http2') connection.session.destroy()
    socket.destroy()
  }
  // What was open before the server was attached, and could not be told what it is.
  for (const socket of handlesOf(server)) socket.destroy()
  const { closeAllConnections } = server as Server & { closeAllConnections?: () => void }
  closeAllConnections?.call(server)
}
