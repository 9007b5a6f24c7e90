// Nest with a gateway of WebSockets on a port of its own: bids take half a second, and are answered on the socket.
import 'reflect-metadata'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { nestApp } from '@lameduck/adapter-nest'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { WsAdapter } from '@nestjs/platform-ws'
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets'

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

// A decorator wants it before there is an app.
const port = await freePort()

@WebSocketGateway(port)
class BidsGateway {
  @SubscribeMessage('bid')
  async bid(@MessageBody() id: string): Promise<{ event: string; data: string }> {
    process.stdout.write(`began ${id}\n`)
    await pause(500)
    return { event: 'taken', data: id }
  }
}

@Module({ providers: [BidsGateway] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false })
app.useWebSocketAdapter(new WsAdapter(app))
const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env['GRACE_MS']) } })
lifecycle.add(nestApp(app, { port: 0, host: '127.0.0.1' }))
await bindProcess(lifecycle).ready()
process.stdout.write(`ready ${port}\n`)
