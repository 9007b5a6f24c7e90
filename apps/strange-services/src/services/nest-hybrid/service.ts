// Nest with a gateway of TCP beside its HTTP, as `connectMicroservice` makes it.
import 'reflect-metadata'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { nestApp } from '@lameduck/adapter-nest'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { Controller, Get, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { MessagePattern, Transport } from '@nestjs/microservices'

@Controller()
class Prices {
  @Get()
  index(): string {
    return 'ok'
  }

  @MessagePattern('price')
  async price(): Promise<string> {
    process.stdout.write('began\n')
    await pause(500)
    return 'eleven'
  }
}

@Module({ controllers: [Prices] })
class AppModule {}

// Nest's TCP transport takes no port 0.
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

const port = await freePort()
const app = await NestFactory.create(AppModule, { logger: false })
app.connectMicroservice({ transport: Transport.TCP, options: { host: '127.0.0.1', port } })
await app.startAllMicroservices()
const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env['GRACE_MS']) } })
lifecycle.add(nestApp(app, { port: 0, host: '127.0.0.1' }))
await bindProcess(lifecycle).ready()
process.stdout.write(`ready ${port}\n`)
