import { drainableKafka, kafkaConsumer, kafkaProducer } from '@lameduck/adapter-kafkajs'
import { nestApp } from '@lameduck/adapter-nest'
import { pgPool } from '@lameduck/adapter-pg'
import { redis } from '@lameduck/adapter-ioredis'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { probeServer } from '@lameduck/probes'
import { Kafka } from 'kafkajs'
import { createClients } from './lib/clients.ts'
import { namesFor, type Config } from './lib/config.ts'
import { createNestApp } from './lib/nest-app.ts'
import { ordersFrom } from './lib/orders-from.ts'
import { portOf } from './lib/port-of.ts'
import { shipOrder } from './lib/ship-order.ts'

/**
 * The orders service on NestJS.
 *
 * @returns the API's port, when everything is ready
 */
export async function startNest(config: Config): Promise<number> {
  const lifecycle = createLifecycle({ policy: config.policy })
  const clients = createClients(config, (settings) => drainableKafka(Kafka, settings))
  const app = await createNestApp(ordersFrom(clients, config), lifecycle.draining)

  // What lameduck adds to the service: one line for each thing that has to leave in good order.
  lifecycle.add(nestApp(app, { port: config.port }))
  lifecycle.add(probeServer(lifecycle, { port: config.probePort }))
  if (clients.pool) lifecycle.add(pgPool(clients.pool))
  if (clients.redis) lifecycle.add(redis(clients.redis))
  if (clients.producer) lifecycle.add(kafkaProducer(clients.producer))
  if (clients.consumer && clients.pool) {
    const { schema, topic } = namesFor(config.prefix)
    const eachMessage = shipOrder({ pool: clients.pool, schema, shippingMs: config.shippingMs })
    lifecycle.add(kafkaConsumer(clients.consumer, { topics: [topic], fromBeginning: true, partitionsConsumedConcurrently: 3, eachMessage }))
  }
  await bindProcess(lifecycle).ready()
  return portOf(app.getHttpServer())
}
