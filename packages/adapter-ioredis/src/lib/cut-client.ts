import { internalsOf, type AutoPipeline, type Command, type Internals } from './client-internals.ts'
import { listCommands } from './commands-of.ts'
import type { RedisClient } from './redis-client.ts'
import { connectionsOf } from './track-connections.ts'

/**
 * Ends the client whatever its state: the sockets are destroyed, every command's promise rejects with its `errorOf`, no timer
 * stays, and commands that are sent later reject too. Returns at once.
 *
 * `disconnect()` alone does none of that in every state. On a frozen server it waits 2 s for the other side
 * (`disconnectTimeout`); while reconnecting it settles nothing, never emits `end`, and leaves that 2 s timer on a socket
 * that is long closed (redis/ioredis#2169); and commands that wait to be sent again are forgotten.
 */
export function cutClient(client: RedisClient, errorOf: (command: Command) => Error): void {
  const internals = internalsOf(client)
  const { connector, stream } = internals
  const { serving, helping } = connectionsOf(client)
  const waiting = [internals.prevCommandQueue, internals.commandQueue, internals.offlineQueue].flatMap(listCommands)
  // Whoever holds the promise still sees it reject; whoever threw it away must not end the process by it.
  for (const { promise } of waiting) promise?.catch(() => {})
  // 5.4 clears it for a command that resolves, but not for one that rejects.
  for (const { _commandTimeoutTimer } of waiting) clearTimeout(_commandTimeoutTimer)
  if (typeof connector?.disconnectTimeout === 'number') connector.disconnectTimeout = 0
  // A client that waits to ask its sentinels again would connect to one more before it sees that it has been closed.
  if (connector?.connectToSentinel) connector.connectToSentinel = refuse
  internals.subscriberGroupEmitter?.removeAllListeners?.()
  // One of these sets the timer of `slotsRefreshInterval` again, on a client that has ended.
  if (internals._refreshSlotsCacheCallbacks) internals._refreshSlotsCacheCallbacks = []
  settleHeldBack(internals, errorOf)
  for (const command of waiting) command.reject?.(errorOf(command))
  if (client.status !== 'end') client.disconnect()
  const socket = stream ?? connector?.stream
  const hasSocket = socket ? !socket.destroyed : false
  socket?.destroy()
  clearTimeout(internals.socketTimeoutTimer)
  const error = errorOf({})
  internals.flushQueue?.(error)
  for (const connection of [...serving, ...helping]) cutClient(connection, errorOf)
  if (client.nodes) endCluster(client, error)
  else if (!hasSocket && client.status !== 'end') internals.setStatus?.('end')
}

function refuse(): never {
  throw new Error('Connection is closed.')
}

/** Commands of this tick are written in a later one; by then the client has ended, and they would reject with an error that says less. */
function settleHeldBack({ _autoPipelines }: Internals, errorOf: (command: Command) => Error): void {
  for (const [key, pipeline] of _autoPipelines ?? []) {
    const callbacks = callbacksOf(pipeline)
    if (!callbacks) continue
    _autoPipelines?.delete(key)
    for (const [index, callback] of callbacks.entries()) callback(errorOf(pipeline._queue?.[index] ?? {}))
  }
}

function callbacksOf(pipeline: AutoPipeline): readonly ((error: Error) => void)[] | undefined {
  const symbol = Object.getOwnPropertySymbols(pipeline).find(({ description }) => description === 'callbacks')
  const callbacks: unknown = symbol && Reflect.get(pipeline, symbol)
  return Array.isArray(callbacks) ? (callbacks as ((error: Error) => void)[]) : undefined
}

/**
 * A Cluster says `close` once for every node that ends, but answers only the first with `end`: when its nodes end in different
 * ticks it is left at `close`, where commands queue for ever. So its nodes' ends are nobody's business any more.
 */
function endCluster(client: RedisClient, error: Error): void {
  const internals = internalsOf(client)
  internals.connectionPool?.removeAllListeners?.('drain')
  internals.invokeReadyDelayedCallbacks?.(error)
  // What waits for the connection hears `close`, and ends the client; in some states nobody does.
  if (client.status !== 'end') internals.setStatus?.('close')
  process.nextTick(() => {
    if (client.status !== 'end') internals.setStatus?.('end')
    internals.flushQueue?.(error)
    settleDelayed(internals)
  })
}

/** Redirected commands that wait for another try: each rejects when it is sent by a client that has ended. */
function settleDelayed({ delayQueue }: Internals): void {
  for (const bucket of Object.keys(delayQueue?.queues ?? {})) {
    const timer = delayQueue?.timeouts?.[bucket]
    if (timer) clearTimeout(timer)
    delayQueue?.execute?.(bucket)
  }
}
