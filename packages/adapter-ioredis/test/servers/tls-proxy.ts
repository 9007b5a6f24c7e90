import { localhost } from '@lameduck/servers'
import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import { createServer } from 'node:tls'

/** TLS in front of a server, with the tests' certificate. */
export async function startTlsProxy(host: string, port: number): Promise<{ readonly port: number; stop(): void }> {
  const proxy = createServer(localhost, (socket) => {
    const upstream = connect(port, host)
    for (const each of [socket, upstream]) each.on('error', () => {}).on('close', () => [socket, upstream].forEach((other) => other.destroy()))
    socket.pipe(upstream).pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return { port: (proxy.address() as AddressInfo).port, stop: () => void proxy.close() }
}
