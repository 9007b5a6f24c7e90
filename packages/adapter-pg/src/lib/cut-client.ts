import { cancelQuery } from './cancel-query.ts'
import { connectionOf, isConnected, isConnecting, isQuerying, queriesOf, queryOriginOf, socketOf, type PgQuery } from './pg-internals.ts'
import type { PgClientLike } from './pg-types.ts'
import { verbOf } from './refuse-query.ts'

export interface CutOptions {
  /** What the owner of a pending query, or of a connection that is still being opened, is told. */
  readonly errorOf: (what: string) => Error
  /** Longest wait for the server to cancel the query, in ms. */
  readonly cancelMs: number
}

/** A destroyed socket says so within a turn of the event loop. */
const endedMs = 30

/**
 * Ends a client's session whatever it is doing, without waiting for the server to say goodbye: cancels its query,
 * so that the backend does not go on working and holding locks for nobody, then destroys the socket. Pending queries
 * reject with `errorOf` what they are. Does nothing to a client that has ended.
 */
export async function cutClient(client: PgClientLike, { errorOf, cancelMs }: CutOptions): Promise<void> {
  const socket = socketOf(client)
  if (isConnecting(client)) {
    // Not end(): a client that is ending no longer tells the caller of connect() that it failed.
    socket?.destroy(errorOf('connect'))
    return
  }
  const wasConnected = isConnected(client)
  if (socket && wasConnected && isQuerying(client) !== false) {
    // The socket stays open meanwhile: a pooler forgets the key of a client that has gone.
    const origin = queryOriginOf(client)
    if (origin) await cancelQuery(socket, origin, cancelMs)
  }
  for (const query of queriesOf(client)) rejectWith(query, errorOf(verbOf(query)))
  endQuietly(client)
  answerWaitingStreams(client)
  socket?.destroy()
  if (socket && wasConnected) await untilEnded(client)
}

/** In place of pg's "Connection terminated", which comes when the socket has closed. */
function rejectWith(query: PgQuery, error: Error): void {
  const handleError = query.handleError.bind(query)
  query.handleError = (_error, connection) => handleError(error, connection)
}

/** So that what was pending has rejected when the cut is over. A socket of someone else's making may never tell. */
function untilEnded(client: PgClientLike): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, endedMs)
    client.addListener('end', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/** Before the socket is destroyed: pg then takes its close for the expected end, not for an error. */
function endQuietly(client: PgClientLike): void {
  try {
    client.end?.().catch(() => {})
  } catch {
    // The socket is destroyed whatever end() thinks of it.
  }
}

/**
 * A cursor or query stream that is told of the error closes itself by waiting for the server's next ReadyForQuery,
 * which a destroyed connection never brings: its pipeline would hang for ever. So the dead connection answers in
 * the server's place whenever something begins to wait for it.
 */
function answerWaitingStreams(client: PgClientLike): void {
  const connection = connectionOf(client)
  connection?.addListener('newListener', (event: string) => {
    if (event === 'readyForQuery') setImmediate(() => connection.emit('readyForQuery', { status: 'I' }))
  })
}
