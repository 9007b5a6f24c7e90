import { setMaxListeners } from 'node:events'
import { createServer } from 'node:http'
import { Kafka } from 'kafkajs'
import { createClients } from './lib/clients.ts'
import { namesFor, type Config } from './lib/config.ts'
import { createExpressApp } from './lib/express-app.ts'
import { listening } from './lib/listening.ts'
import { ordersFrom } from './lib/orders-from.ts'
import { portOf } from './lib/port-of.ts'
import { shipOrder } from './lib/ship-order.ts'

/**
 * The same orders service on Express with the shutdown helper that teams copy from one service to the next, for
 * comparison. Nothing in it is made worse than what is usual: readiness turns red at the signal, every client is
 * closed, a timer guards against a close that hangs.
 *
 * @returns the API's port
 */
export async function startBaseline(config: Config): Promise<number> {
  const clients = createClients(config, (settings) => new Kafka(settings))
  const { pool, redis, producer, consumer } = clients
  // The pattern knows no moment at which streams shall end, so they never hear of one.
  const never = new AbortController().signal
  setMaxListeners(0, never)
  const app = createExpressApp(ordersFrom(clients, config), never)
  let shuttingDown = false

  await redis?.connect()
  await producer?.connect()
  if (consumer && pool) {
    const { schema, topic } = namesFor(config.prefix)
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({ partitionsConsumedConcurrently: 3, eachMessage: shipOrder({ pool, schema, shippingMs: config.shippingMs }) })
  }
  const server = await listening(app.listen(config.port), config.port)
  // The guides say: readiness fails once the shutdown has begun, liveness does not.
  const probes = createServer((request, response) => {
    response.statusCode = request.url === '/readyz' && shuttingDown ? 503 : 200
    response.end()
  })
  await listening(probes.listen(config.probePort), config.probePort)

  process.on('SIGTERM', () => shutdown('SIGTERM'))
  process.on('SIGINT', () => shutdown('SIGINT'))
  return portOf(server)

  // The order most helpers have: stop the server, then close what it used, in the order of the imports, then exit.
  function shutdown(signal: string): void {
    if (shuttingDown) return
    shuttingDown = true
    console.log(`${signal} received, shutting down`)
    // Most have this guard too, with ten seconds, because server.close() waits for keep-alive clients.
    setTimeout(() => {
      console.error('could not close connections in time, forcefully shutting down')
      process.exit(1)
    }, config.helperTimeoutMs).unref()
    server.close(() => {
      closeClients().then(
        () => process.exit(0),
        (error: unknown) => {
          console.error('error during shutdown:', error)
          process.exit(1)
        },
      )
    })
  }

  async function closeClients(): Promise<void> {
    await pool?.end()
    await redis?.quit()
    await consumer?.disconnect()
    await producer?.disconnect()
  }
}
