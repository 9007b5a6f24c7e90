import { startServer } from '@lameduck/servers'
import { Redis } from 'ioredis'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'

export type RedisServer = Extract<Awaited<ReturnType<typeof startServer>>, { ok: true }>

/** A process of this machine, not a container: nodes must reach each other at the addresses that clients use. */
export interface Node {
  readonly server: RedisServer
  readonly host: string
  readonly port: number
  /** Never freezes: it is connected while the server runs, and not needed otherwise. */
  readonly admin: Redis
  stop(): Promise<void>
}

export async function startNode(args: readonly string[] = []): Promise<Node> {
  const server = await startServer('redis', { private: true, from: ['PATH', 'installed'], args })
  if (!server.ok) throw new Error(server.message)
  const { hostname: host, port } = new URL(server.url)
  const admin = new Redis(server.url, { retryStrategy: () => 50, maxRetriesPerRequest: null })
  admin.on('error', () => {})
  return {
    server,
    host,
    port: Number(port),
    admin,
    async stop() {
      admin.disconnect()
      admin.stream?.destroy()
      await server.stop()
    },
  }
}

/** Asks until the answer pleases. The bound is for a machine with no time to spare. */
export async function until<T>(ask: () => Promise<T>, isRight: (answer: T) => boolean, what: string): Promise<T> {
  const giveUpAt = performance.now() + 20_000
  for (;;) {
    const answer = await ask()
    if (isRight(answer)) return answer
    if (performance.now() > giveUpAt) throw new Error(`${what}: ${JSON.stringify(answer)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** A TCP port that was free a moment ago; a cluster's bus has one of its own. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
