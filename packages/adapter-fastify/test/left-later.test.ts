import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { createLifecycle, type Report } from '@lameduck/core'
import { fastify, type FastifyInstance } from 'fastify'
import { expect, test } from 'vitest'
import { fastifyApp } from '../src/index.ts'

/** The report of a stop around which the client of `POST /orders` leaves, when it has got some of its answer. */
async function left(route: (app: FastifyInstance) => unknown, when: 'before' | 'during'): Promise<Report> {
  const app = fastify()
  const closed = new Promise((resolve) => {
    app.addHook('onRequest', async ({ raw }) => void raw.socket.once('close', resolve))
  })
  route(app)
  const lifecycle = createLifecycle({ env: {} })
  lifecycle.add(fastifyApp(app, { port: 0, host: '127.0.0.1' }))
  await lifecycle.start()
  const { port } = app.server.address() as AddressInfo
  const call = request({ port, host: '127.0.0.1', path: '/orders', method: 'POST', agent: false }).on('error', () => {}).end()
  const [answer] = (await once(call, 'response')) as [IncomingMessage]
  await once(answer.on('error', () => {}), 'readable')
  if (when === 'during') lifecycle.draining.addEventListener('abort', () => void call.destroy())
  else call.destroy()
  if (when === 'before') await closed
  return await lifecycle.stop()
}

const moments = ['before', 'during'] as const

test.each(moments)('a handler whose client left in the middle of its answer, %s the stop, is unknown', async (when) => {
  const report = await left(
    (app) =>
      app.post('/orders', async (_request, reply) => {
        reply.hijack()
        reply.raw.write('10 %')
        await new Promise(() => {})
        reply.raw.end()
      }),
    when,
  )
  expect(report).toMatchObject({ result: 'unknown', steps: [{ work: { unknown: 1, reasons: ['POST /orders: its client hung up, and its handler had not ended'] } }] })
})

/** Without an end. */
function source(): PassThrough {
  const through = new PassThrough()
  through.write('begun')
  return through
}

test.each(moments)('a stream that is sent, and that its client cancels %s the stop, leaves it clean', async (when) => {
  const report = await left((app) => app.post('/orders', (_request, reply) => reply.send(source())), when)
  expect(report).toMatchObject({ result: 'clean', steps: [{ work: { failed: 0, unknown: 0 } }] })
})
