// Nest with a repository that opens its pool in one hook and ends it in another, and a queue that is emptied in a third.
import 'reflect-metadata'
import { nestApp } from '@lameduck/adapter-nest'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { Controller, Inject, Injectable, Module, Param, Post, type BeforeApplicationShutdown, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import pg from 'pg'

@Injectable()
class Visits implements OnModuleInit, BeforeApplicationShutdown, OnApplicationShutdown {
  readonly pool: pg.Pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'], max: 2, connectionTimeoutMillis: 4_000 })
  private waiting: string[] = []

  async onModuleInit(): Promise<void> {
    this.pool.on('error', () => {})
    await this.pool.query('SELECT 1')
  }

  add(id: string): void {
    this.waiting.push(id)
  }

  async beforeApplicationShutdown(): Promise<void> {
    for (const id of this.waiting.splice(0)) await this.pool.query('INSERT INTO visits VALUES ($1)', [id])
  }

  async onApplicationShutdown(): Promise<void> {
    await this.pool.end()
  }
}

@Controller()
class VisitsController {
  private readonly visits: Visits

  constructor(@Inject(Visits) visits: Visits) {
    this.visits = visits
  }

  @Post(':id')
  async visit(@Param('id') id: string): Promise<string> {
    process.stdout.write('began\n')
    await this.visits.pool.query('SELECT pg_sleep(0.15)')
    this.visits.add(id)
    return id
  }
}

@Module({ controllers: [VisitsController], providers: [Visits] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false })
const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env['GRACE_MS']) } })
lifecycle.add(nestApp(app, { port: 0, host: '127.0.0.1' }))
await bindProcess(lifecycle).ready()
const url = new URL(await app.getUrl())
process.stdout.write(`ready ${url.port}\n`)
