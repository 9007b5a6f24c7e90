// Nest with a buffer of clicks that its last hook sends away, to a collector that hangs up. Nest logs what a hook throws, and goes on.
import 'reflect-metadata'
import { nestApp } from '@lameduck/adapter-nest'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { Controller, Inject, Injectable, Module, Param, Post, type OnApplicationShutdown } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'

@Injectable()
class Clicks implements OnApplicationShutdown {
  private readonly waiting: string[] = []

  add(id: string): void {
    this.waiting.push(id)
  }

  async onApplicationShutdown(): Promise<void> {
    for (const id of this.waiting) {
      const answer = await fetch(String(process.env['COLLECTOR']), { method: 'POST', body: id })
      await answer.text()
    }
  }
}

@Controller()
class ClicksController {
  private readonly clicks: Clicks

  constructor(@Inject(Clicks) clicks: Clicks) {
    this.clicks = clicks
  }

  @Post(':id')
  click(@Param('id') id: string): string {
    this.clicks.add(id)
    return id
  }
}

@Module({ controllers: [ClicksController], providers: [Clicks] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false })
const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env['GRACE_MS']) } })
lifecycle.add(nestApp(app, { port: 0, host: '127.0.0.1' }))
await bindProcess(lifecycle).ready()
process.stdout.write(`ready ${new URL(await app.getUrl()).port}\n`)
