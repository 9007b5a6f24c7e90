import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** What stands between one client and its broker, so that the broker can be frozen or dead for that client only. */
export interface Proxy {
  readonly connect: (onConnect: () => void) => Socket
  /** How many connections the client holds open. */
  readonly connections: () => number
  /** Calls back, once, when the client has no connection any more. */
  readonly whenLeft: (callback: () => void) => void
  readonly freeze: () => void
  readonly thaw: () => void
  readonly kill: () => Promise<void>
}

export async function startProxy(broker: string): Promise<Proxy> {
  const [host, port] = broker.split(':')
  const pairs = new Map<Socket, Socket>()
  const onLeft = new Set<() => void>()
  let frozen = false
  const server = createServer({ allowHalfOpen: false }, (client) => {
    const upstream = connect({ host: String(host), port: Number(port) })
    pairs.set(client, upstream)
    client.on('error', () => {}).on('close', () => {
      upstream.destroy()
      pairs.delete(client)
      if (pairs.size > 0) return
      const callbacks = [...onLeft]
      onLeft.clear()
      for (const callback of callbacks) callback()
    })
    upstream.on('error', () => {}).on('close', () => client.destroy())
    client.pipe(upstream)
    upstream.pipe(client)
    if (frozen) hold(client, upstream)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port: ownPort } = server.address() as AddressInfo

  function hold(client: Socket, upstream: Socket): void {
    client.unpipe(upstream)
    upstream.unpipe(client)
    // Still read, or the close of a client would not be noticed; what it says is lost on a frozen broker anyway.
    client.resume()
  }

  return {
    connect: (onConnect) => connect({ host: '127.0.0.1', port: ownPort }, onConnect),
    connections: () => pairs.size,
    whenLeft: (callback) => onLeft.add(callback),
    freeze() {
      frozen = true
      for (const [client, upstream] of pairs) hold(client, upstream)
    },
    thaw() {
      frozen = false
    },
    async kill() {
      const closed = once(server, 'close')
      if (!server.listening) return
      server.close()
      for (const [client, upstream] of pairs) {
        client.resetAndDestroy()
        upstream.destroy()
      }
      await closed
    },
  }
}
