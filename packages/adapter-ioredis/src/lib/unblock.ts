import { orAborted } from '@lameduck/core'
import { internalsOf } from './client-internals.ts'
import { sendAside } from './commands-of.ts'
import { cutClient } from './cut-client.ts'
import type { RedisClient, RedisConnection } from './redis-client.ts'
import { trackConnections } from './track-connections.ts'

export interface Unblocker {
  /** Ends the command that the connection is blocked in, if any; rejects when the server refuses, or when `signal` aborts. */
  unblock(signal: AbortSignal): Promise<void>
  /** Closes what was opened for it. */
  close(): void
}

/**
 * Ends a blocked command by `CLIENT UNBLOCK`, over a second connection to the same server that is opened when it is needed. It is
 * the server that decides: a command that has just popped an element still delivers it. Closing the connection would lose that element.
 */
export function createUnblocker(connection: RedisConnection): Unblocker {
  let id: string | undefined
  let second: RedisClient | undefined
  const askId = (): void => {
    id = undefined
    sendAside(connection, () => connection.call('client', 'ID')).then(
      (answer) => void (id = String(answer)),
      () => {},
    )
  }
  // Asked before anything on it can block.
  connection.on('connect', askId)
  if (connection.status === 'connect' || connection.status === 'ready') askId()
  return {
    async unblock(signal) {
      second ??= openSecond(connection)
      try {
        const known = id ?? (await orAborted(findId(second, connection), signal))
        await orAborted(second.call('client', 'UNBLOCK', known), signal)
      } catch (error) {
        close()
        throw error
      }
    },
    close,
  }

  function close(): void {
    if (second) cutClient(second, () => new Error('the connection that ends blocked commands was closed'))
    second = undefined
  }
}

/**
 * By the address that the first one is connected to: a name, or a sentinel, may mean another server by now, where the same id
 * is another client's. With TLS the name is kept, since the certificate is made out to it; a Sentinel client
 * has `tls` only with `enableTLSForSentinelMode`.
 */
function openSecond(connection: RedisConnection): RedisClient {
  const { remoteAddress, remotePort } = internalsOf(connection).stream ?? {}
  const options = connection.options as { readonly sentinels?: unknown; readonly enableTLSForSentinelMode?: boolean; readonly tls?: object }
  const tls = options.sentinels && !options.enableTLSForSentinelMode ? undefined : options.tls
  const address = remoteAddress !== undefined && (options.sentinels || !tls) ? { host: remoteAddress, port: remotePort, sentinels: null, tls } : {}
  const plain = { enableOfflineQueue: true, enableReadyCheck: false, enableAutoPipelining: false, readOnly: false, lazyConnect: true }
  const second = connection.duplicate({ ...address, ...plain, retryStrategy: null, commandTimeout: undefined })
  second.on('error', () => {})
  trackConnections(second)
  return second
}

/** For a connection that was blocked before it could be asked for its id. */
async function findId(second: RedisClient, connection: RedisConnection): Promise<string> {
  const { localAddress: host, localPort } = internalsOf(connection).stream ?? {}
  const address = host === undefined ? 'a Unix socket' : `${host.includes(':') ? `[${host}]` : host}:${localPort}`
  const list = String(await second.call('client', 'LIST'))
  const line = list.split('\n').find((line) => line.includes(` addr=${address} `))
  const id = /^id=(\d+) /.exec(line ?? '')?.[1]
  if (id === undefined) throw new Error(`it was blocked before it could tell its id, and the server does not know it by its address, ${address}`)
  return id
}
