import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Endpoint } from './endpoints.ts'
import { monotonicNow } from './monotonic-now.ts'
import { relay } from './relay.ts'
import { reset } from './reset.ts'

export interface ServiceOptions {
  /** Chooses the endpoint of a new connection; nothing means that there is none. */
  readonly pick: () => Endpoint | undefined
  /** Each way, in ms. */
  readonly delayMs: number
}

/** Where one client connection went. */
export interface Connection {
  readonly replica: string | undefined
  readonly openedAt: number
  /** Why it never reached the replica. */
  refused: string | undefined
}

/** One loopback port in front of all replicas, as kube-proxy is for a Service: it routes connections, not requests. */
export interface Service {
  readonly port: number
  readonly url: string
  /** The connection that a client had from its local port at that time. */
  connectionOf(clientPort: number, at: number): Connection | undefined
  connectionsTo(replica: string): number
  close(): Promise<void>
}

/**
 * Starts the front. A connection is pinned to the endpoint that was picked when it came, for as long as it lives.
 * kube-proxy would let the client's SYN be answered by the replica itself; here the front has already accepted, so
 * a refusal reaches the client as a reset, and is told apart by {@link Connection.refused}.
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const sockets = new Set<Socket>()
  const byClientPort = new Map<number, Connection[]>()
  const counts = new Map<string, number>()

  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
    const endpoint = options.pick()
    const connection: Connection = { replica: endpoint?.name, openedAt: monotonicNow(), refused: undefined }
    remember(client.remotePort, connection)
    hold(client)
    if (endpoint === undefined) {
      connection.refused = 'no ready endpoint'
      client.on('error', () => {})
      setTimeout(() => reset(client), options.delayMs * 2)
      return
    }
    counts.set(endpoint.name, (counts.get(endpoint.name) ?? 0) + 1)
    pin(client, endpoint, connection)
  })

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo

  return {
    port,
    url: `http://127.0.0.1:${port}`,
    connectionOf: (clientPort, at) => byClientPort.get(clientPort)?.findLast((connection) => connection.openedAt <= at) ?? byClientPort.get(clientPort)?.at(0),
    connectionsTo: (replica) => counts.get(replica) ?? 0,
    close() {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }

  function pin(client: Socket, endpoint: Endpoint, connection: Connection): void {
    const upstream = connect({ host: '127.0.0.1', port: endpoint.port, allowHalfOpen: true, noDelay: true })
    hold(upstream)
    upstream.once('error', (error: NodeJS.ErrnoException) => {
      if (error.syscall === 'connect') connection.refused = `connect ${error.code ?? error.message}`
    })
    relay(upstream, client, options.delayMs)
    relay(client, upstream, options.delayMs)
    // A client's bytes wait in its own kernel until there is somebody to take them.
    client.pause()
    upstream.once('connect', () => client.resume())
  }

  function hold(socket: Socket): void {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  }

  function remember(clientPort: number | undefined, connection: Connection): void {
    if (clientPort === undefined) return
    const known = byClientPort.get(clientPort)
    if (known === undefined) byClientPort.set(clientPort, [connection])
    else known.push(connection)
  }
}
