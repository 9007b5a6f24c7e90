import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { createLifecycle, type Report } from '@lameduck/core'
import express, { type Express, type Response } from 'express'
import { expect, test } from 'vitest'
import { expressApp } from '../src/index.ts'

const big = fileURLToPath(new URL('../../../pnpm-lock.yaml', import.meta.url))

/** The report of a stop around which the client of `POST /orders` leaves, when it has got some of its answer. */
async function left(route: (app: Express) => void, when: 'before' | 'during'): Promise<Report> {
  const app = express()
  const closed = new Promise((resolve) => {
    app.use((_request, response: Response, next) => {
      response.req.socket.once('close', resolve)
      next()
    })
  })
  route(app)
  const web = expressApp(app, { port: 0, host: '127.0.0.1' })
  const lifecycle = createLifecycle({ env: {} })
  lifecycle.add(web)
  await lifecycle.start()
  const { port } = web.server.address() as AddressInfo
  const call = request({ port, host: '127.0.0.1', path: '/orders', method: 'POST', agent: false }).on('error', () => {}).end('order')
  const [answer] = (await once(call, 'response')) as [IncomingMessage]
  await once(answer.on('error', () => {}), 'readable')
  if (when === 'during') lifecycle.draining.addEventListener('abort', () => void call.destroy())
  else call.destroy()
  if (when === 'before') await closed
  return await lifecycle.stop()
}

test.each(['before', 'during'] as const)('a handler whose client left in the middle of its answer, %s the stop, is unknown', async (when) => {
  const report = await left((app) => {
    app.post('/orders', async (_request, response) => {
      response.write('10 %')
      await new Promise(() => {})
      response.end()
    })
  }, when)
  expect(report).toMatchObject({ result: 'unknown', steps: [{ work: { unknown: 1, reasons: ['POST /orders: its client hung up, and its handler had not ended'] } }] })
})

const downloads: Record<string, (app: Express) => void> = {
  sendFile: (app) => app.post('/orders', (_request, response) => response.sendFile(big)),
  pipe: (app) =>
    app.post('/orders', (_request, response) => {
      const source = new PassThrough()
      source.pipe(response)
      source.write('begun')
    }),
}

test.each(Object.keys(downloads).flatMap((name) => (['before', 'during'] as const).map((when) => [name, when] as const)))(
  'a download by %s that its client cancels %s the stop leaves it clean',
  async (name, when) => {
    const report = await left(downloads[name] as (app: Express) => void, when)
    expect(report).toMatchObject({ result: 'clean', steps: [{ work: { failed: 0, unknown: 0 } }] })
  },
)
