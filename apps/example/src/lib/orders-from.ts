import type { Clients } from './clients.ts'
import { namesFor, type Config } from './config.ts'
import { noCache, redisOrderCache } from './order-cache.ts'
import { kafkaPublisher, publishNothing } from './order-events.ts'
import { memoryOrderStore, pgOrderStore } from './order-store.ts'
import { createOrders, type Orders } from './orders.ts'

/** The domain over the clients that there are. */
export function ordersFrom(clients: Clients, config: Config): Orders {
  const { schema, topic, cachePrefix } = namesFor(config.prefix)
  return createOrders({
    store: clients.pool ? pgOrderStore(clients.pool, schema) : memoryOrderStore(),
    cache: clients.redis ? redisOrderCache(clients.redis, cachePrefix) : noCache,
    publish: clients.producer ? kafkaPublisher(clients.producer, topic) : publishNothing,
  })
}
