import { orAborted } from '@lameduck/core'
import { within } from './within.ts'
import { sendAside } from './commands-of.ts'
import type { RedisClient } from './redis-client.ts'

/**
 * A readiness check: the client's status, then a question to the server. While a question is unanswered the next check on the same
 * connection waits for it, so that a silent server does not collect them; a client that is not ready is not asked, since it would queue it.
 *
 * A single client asks PING. A Cluster asks every master CLUSTER INFO, and one that finds the cluster well is enough: what PING on
 * one node says depends on which one, and a shard that is away must not take every replica of the service out at once.
 */
export function createCheck(client: RedisClient, timeoutMs: number): (context: { readonly signal: AbortSignal }) => Promise<void> {
  const asked = new WeakMap<RedisClient, Promise<void>>()
  return async ({ signal }) => {
    if (client.status !== 'ready') throw new Error(`not connected: the client is "${client.status}"`)
    if (!client.nodes) {
      const answered = once(client, async () => void (await sendAside(client, () => client.ping())))
      return within(timeoutMs, `no answer to PING within ${timeoutMs} ms`, signal, (signal) => orAborted(answered, signal))
    }
    const masters = client.nodes('master')
    const answered = Promise.any(masters.map((master) => once(master, () => requireWell(master))))
    await within(timeoutMs, `no answer to CLUSTER INFO from any of ${masters.length} masters within ${timeoutMs} ms`, signal, async (signal) => {
      await orAborted(answered, signal).catch((error: unknown) => {
        throw error instanceof AggregateError ? (error.errors[0] ?? new Error('the cluster has no masters')) : error
      })
    })
  }

  function once(connection: RedisClient, ask: () => Promise<void>): Promise<void> {
    const running = asked.get(connection) ?? untilClosed(connection, ask()).finally(() => asked.delete(connection))
    asked.set(connection, running)
    return running
  }
}

/** With `autoResendUnfulfilledCommands: false` a question that is lost with its connection is never answered, and would be waited for for ever. */
async function untilClosed(connection: RedisClient, answered: Promise<void>): Promise<void> {
  let onClose = (): void => {}
  const closed = new Promise<never>((_resolve, reject) => {
    onClose = () => reject(new Error('the connection was lost'))
    connection.on('close', onClose)
  })
  try {
    await Promise.race([answered, closed])
  } finally {
    connection.off('close', onClose)
  }
}

async function requireWell(master: RedisClient): Promise<void> {
  const state = /cluster_state:(\w+)/.exec(String(await sendAside(master, () => master.call('cluster', 'INFO'))))?.[1]
  if (state !== 'ok') throw new Error(`the cluster serves nobody: cluster_state is "${state}"`)
}
