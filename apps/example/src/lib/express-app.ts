import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import express, { type Express, type NextFunction, type Request, type Response } from 'express'
import type { Orders } from './orders.ts'
import { answerFor } from './request-error.ts'
import { streamMs } from './stream-ms.ts'

/** The API on Express. `end` aborts when long streams shall say goodbye. */
export function createExpressApp(orders: Orders, end: AbortSignal): Express {
  const app = express()
  app.disable('x-powered-by')
  app.use(express.json({ limit: '16kb' }))

  app.post('/orders', async (request, response) => {
    response.status(201).json(await orders.place(request.body))
  })

  app.get('/orders/:id', async (request, response) => {
    response.json(await orders.find(request.params.id))
  })

  app.get('/orders/:id/events', async (request, response) => {
    const events = await orders.watch(request.params.id, { forMs: streamMs(request.query['forMs']), end })
    response.set({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    // A client that goes away is the usual end of a stream, not an error.
    await pipeline(Readable.from(events), response).catch(() => response.destroy())
  })

  app.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) return next(error)
    const { status, body } = answerFor(error)
    response.status(status).json(body)
  })
  return app
}
