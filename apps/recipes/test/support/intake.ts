import { localhost } from '@lameduck/servers'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { connect, createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'

/** One request that an SDK has sent, its body decompressed. */
export interface Received {
  readonly url: string
  readonly body: Buffer
}

export interface Intake {
  readonly port: number
  readonly received: readonly Received[]
  close(): void
}

export interface IntakeOptions {
  /** HTTPS with a certificate for localhost. */
  readonly tls?: boolean
  /** How long a connection takes to be there, as to a collector that is not next door: who leaves before that has sent nothing. */
  readonly latencyMs?: number
  /** What is answered to a request; `undefined` for no answer at all. @default `{}` */
  readonly answer?: (received: Received) => unknown
}

const decompressors: Readonly<Record<string, (body: Buffer) => Promise<Buffer>>> = {
  br: promisify(brotliDecompress),
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
}

/** A server that takes whatever SDKs send, on loopback. What has arrived is there as soon as the process that has sent it has ended. */
export async function startIntake({ tls = false, latencyMs = 0, answer = () => ({}) }: IntakeOptions = {}): Promise<Intake> {
  const received: Received[] = []
  const server = tls ? createSecureServer(localhost, (request, response) => void take(request, response)) : createServer((request, response) => void take(request, response))
  // Some SDKs lose a request that meets the end of an idle connection.
  server.keepAliveTimeout = 60_000
  const port = await listen(server)
  const sockets = new Set<Socket>()
  const relay = createTcpServer((client) => {
    sockets.add(client.on('error', () => {}))
    const held = client.pipe(new PassThrough())
    void setTimeout(latencyMs).then(() => {
      if (client.readableEnded) return
      const upstream = connect(port, '127.0.0.1').on('error', () => {})
      held.pipe(upstream).pipe(client)
    })
  })
  return {
    port: await listen(relay),
    received,
    close() {
      for (const socket of sockets) socket.destroy()
      relay.close()
      server.closeAllConnections()
      server.close()
    },
  }

  async function take(request: IncomingMessage, response: NodeJS.WritableStream): Promise<void> {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer)
    } catch {
      // The process has ended in the middle of it.
      return
    }
    const decompress = decompressors[request.headers['content-encoding'] ?? '']
    const body = Buffer.concat(chunks)
    const one = { url: request.url ?? '', body: decompress ? await decompress(body) : body }
    received.push(one)
    const answered = answer(one)
    if (answered !== undefined) response.end(JSON.stringify(answered))
  }
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
