import type { PgClientLike, PgPoolLike } from './pg-types.ts'

/**
 * Everything that is read from pg without being promised by its documentation, in one place. Every read is a
 * feature test: where a field is missing or looks different, the answer is `undefined` or empty, and the caller
 * does without. Read in pg 8.11 to 8.23 and pg-pool 3.6 to 3.14.
 */

/** The part of the connection's socket (plain or TLS) that force needs. */
export interface ClientSocket {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  addListener(event: string, listener: (bytes: Buffer) => void): unknown
  removeAllListeners(event: string): unknown
  destroy(error?: Error): unknown
}

/** What a CancelRequest must carry. */
export interface BackendKey {
  readonly processId: number
  readonly secret: number | Buffer
}

/** Whom to ask to cancel, and on behalf of which session. */
export interface QueryOrigin {
  readonly server: { readonly host: string; readonly port: number } | { readonly path: string }
  readonly key: BackendKey
}

/** An entry of pg-pool's queue of callers. */
export interface PendingCaller {
  callback: (error: Error | undefined, client: PgClientLike | undefined, release: unknown) => void
  /** Set when its `connectionTimeoutMillis` is over; the caller has been told by then. */
  timedOut?: boolean
}

/** A query in the hands of a client, of whatever class. */
export interface PgQuery {
  readonly text?: unknown
  handleError: (error: unknown, connection: unknown) => unknown
  handleReadyForQuery: (connection: unknown) => unknown
}

/** `client.connection`: documented by its types only, absent in pg-native. */
export interface PgConnection {
  addListener<A extends unknown[]>(event: string, listener: (...values: A) => void): unknown
  emit(event: string, message: unknown): unknown
}

export function connectionOf(client: PgClientLike): PgConnection | undefined {
  const connection = field(client, 'connection')
  return hasMethods(connection, ['addListener', 'emit']) ? (connection as PgConnection) : undefined
}

export function socketOf(client: PgClientLike): ClientSocket | undefined {
  const stream = field(field(client, 'connection'), 'stream')
  return hasMethods(stream, ['addListener', 'removeAllListeners', 'destroy']) ? (stream as ClientSocket) : undefined
}

/** `undefined` where a CancelRequest could not be sent. */
export function queryOriginOf(client: PgClientLike): QueryOrigin | undefined {
  const server = serverOf(client)
  const key = backendKeyOf(client)
  return server && key ? { server, key } : undefined
}

function backendKeyOf(client: PgClientLike): BackendKey | undefined {
  const processId = field(client, 'processID')
  const secret = field(client, 'secretKey')
  if (typeof processId !== 'number' || (typeof secret !== 'number' && !Buffer.isBuffer(secret))) return undefined
  return { processId, secret }
}

/** Where the connection leads to: of several addresses behind one name the one that was really taken. */
function serverOf(client: PgClientLike): QueryOrigin['server'] | undefined {
  const host = field(client, 'host')
  const port = field(client, 'port')
  if (typeof host === 'string' && host.startsWith('/')) return { path: `${host}/.s.PGSQL.${String(port)}` }
  const { remoteAddress, remotePort } = socketOf(client) ?? {}
  if (remoteAddress !== undefined && remotePort !== undefined) return { host: remoteAddress, port: remotePort }
  return undefined
}

/** Between `connect()` and its outcome; pg itself goes on calling a client that has failed `_connecting`. */
export function isConnecting(client: PgClientLike): boolean {
  return field(client, '_connecting') === true && field(client, '_connectionError') !== true && !hasEnded(client)
}

/** Whether its connection is gone for good; it will not say so again. */
export function hasEnded(client: PgClientLike): boolean {
  return field(client, '_ended') === true
}

/** False for a client on which `connect()` has not succeeded, or which has ended. */
export function isConnected(client: PgClientLike): boolean {
  return field(client, '_connected') === true && !hasEnded(client)
}

/** Whether the server owes an answer; `undefined` when pg does not tell. */
export function isQuerying(client: PgClientLike): boolean | undefined {
  const ready = field(client, 'readyForQuery')
  return typeof ready === 'boolean' ? !ready : undefined
}

/** False once the connection is lost or about to be ended: whoever queries gets an error. */
export function isQueryable(client: PgClientLike): boolean {
  return field(client, '_queryable') !== false && field(client, '_ending') !== true
}

/** Whether the connection was lost; not one that was ended on purpose. */
export function isLost(client: PgClientLike): boolean {
  return field(client, '_queryable') === false
}

/** How many queries wait in the client behind the running one, those that `pipeline: true` has sent already included. */
export function queuedQueries(client: PgClientLike): number {
  return queuesOf(client).reduce((sum, queue) => sum + queue.length, 0)
}

/** The running query and those that wait behind it. */
export function queriesOf(client: PgClientLike): readonly PgQuery[] {
  return [activeQueryOf(client), ...queuesOf(client).flat()].filter(isQuery)
}

/** Where a query that was just given to the client is: running, or the last of a queue. */
export function newestQueriesOf(client: PgClientLike): readonly PgQuery[] {
  return [activeQueryOf(client), ...queuesOf(client).map((queue) => queue.at(-1))].filter(isQuery)
}

/** By its own name: the one without underscore warns of its deprecation, where it has one. */
function activeQueryOf(client: PgClientLike): unknown {
  return field(client, '_activeQuery' in client ? '_activeQuery' : 'activeQuery')
}

function queuesOf(client: PgClientLike): readonly (readonly unknown[])[] {
  const names = ['_sentQueryQueue', '_queryQueue' in client ? '_queryQueue' : 'queryQueue']
  return names.map((name) => field(client, name)).filter((queue) => Array.isArray(queue))
}

function isQuery(value: unknown): value is PgQuery {
  return hasMethods(value, ['handleError', 'handleReadyForQuery'])
}

/** Calls back once when the client, which is connecting, has done so or failed, and its pool has told its caller. Their own events come later. */
export function onConnected(client: PgClientLike, callback: (error: unknown) => void): void {
  const told = field(client, '_connectionCallback')
  if (typeof told !== 'function') return
  Reflect.set(client, '_connectionCallback', (error: unknown, ...rest: unknown[]) => {
    Reflect.apply(told, client, [error, ...rest])
    callback(error ?? undefined)
  })
}

const transactionStatus = new WeakMap<PgClientLike, string>()

/** Lets `isInTransaction` know of this client where pg (before 8.17) does not tell. */
export function followTransactions(client: PgClientLike): void {
  if (typeof field(client, 'getTransactionStatus') === 'function') return
  connectionOf(client)?.addListener('readyForQuery', (message: { readonly status: string }) => transactionStatus.set(client, message.status))
}

/** True inside a transaction, a failed one included; `undefined` before the server has said. */
export function isInTransaction(client: PgClientLike): boolean | undefined {
  const read = field(client, 'getTransactionStatus')
  const status: unknown = typeof read === 'function' ? Reflect.apply(read, client, []) : transactionStatus.get(client)
  return typeof status === 'string' ? status !== 'I' : undefined
}

/** Every client of the pool, those that are still connecting included. */
export function clientsOf(pool: PgPoolLike): readonly PgClientLike[] {
  const clients = field(pool, '_clients')
  return Array.isArray(clients) ? clients.filter(isClient) : []
}

/** Whether the pool makes clients of pg-native; true of its class already, before the first connection. */
export function isNative(pool: PgPoolLike): boolean {
  const Client = field(pool, 'Client')
  return typeof Client === 'function' && !hasMethods(Client.prototype, ['getStartupConf'])
}

export function idleClientsOf(pool: PgPoolLike): readonly PgClientLike[] {
  const idle = field(pool, '_idle')
  return Array.isArray(idle) ? idle.map((item: unknown) => field(item, 'client')).filter(isClient) : []
}

/** The callers that wait for a connection, to look at or to take some out; `undefined` where the pool's queue is not found. */
export function pendingCallersOf(pool: PgPoolLike): PendingCaller[] | undefined {
  const queue = field(pool, '_pendingQueue')
  return Array.isArray(queue) && queue.every((item) => hasMethods(item, ['callback'])) ? (queue as PendingCaller[]) : undefined
}

/**
 * Takes a client out of its pool without using up the one `release` that pg allows its owner. False where that is not possible.
 */
export function takeOut(pool: PgPoolLike, client: PgClientLike): boolean {
  const remove = field(pool, '_remove')
  const pulse = field(pool, '_pulseQueue')
  if (typeof remove !== 'function' || typeof pulse !== 'function') return false
  Reflect.apply(remove, pool, [client])
  // With the last client the pool has ended; it sees that here.
  Reflect.apply(pulse, pool, [])
  return true
}

function isClient(value: unknown): value is PgClientLike {
  return hasMethods(value, ['query', 'end', 'addListener', 'removeListener', 'listenerCount'])
}

function hasMethods(value: unknown, names: readonly string[]): boolean {
  return names.every((name) => typeof field(value, name) === 'function')
}

function field(object: unknown, name: string): unknown {
  return typeof object === 'object' && object !== null ? (Reflect.get(object, name) as unknown) : undefined
}
