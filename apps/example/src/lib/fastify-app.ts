import { Readable } from 'node:stream'
import { fastify, type FastifyInstance } from 'fastify'
import type { Orders } from './orders.ts'
import { answerFor } from './request-error.ts'
import { streamMs } from './stream-ms.ts'

/** The API on Fastify. `end` aborts when long streams shall say goodbye. */
export function createFastifyApp(orders: Orders, end: AbortSignal): FastifyInstance {
  const app = fastify({ bodyLimit: 16_384 })

  app.post('/orders', async (request, reply) => {
    return reply.code(201).send(await orders.place(request.body))
  })

  app.get<{ Params: { id: string } }>('/orders/:id', (request) => orders.find(request.params.id))

  app.get<{ Params: { id: string }; Querystring: { forMs?: string } }>('/orders/:id/events', async (request, reply) => {
    const events = await orders.watch(request.params.id, { forMs: streamMs(request.query.forMs), end })
    return reply.headers({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' }).send(Readable.from(events))
  })

  app.setErrorHandler((error, _request, reply) => {
    const { status, body } = answerFor(error)
    return reply.code(status).send(body)
  })
  return app
}
