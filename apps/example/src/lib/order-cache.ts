import type { Redis } from 'ioredis'
import type { Order } from './order.ts'

const keepForSeconds = 60

export interface OrderCache {
  get(id: string): Promise<Order | undefined>
  set(order: Order): Promise<void>
}

/** Orders in Redis, for 60 s. A cache that cannot be reached is a miss, not an error. The client belongs to the caller. */
export function redisOrderCache(redis: Redis, keyPrefix: string): OrderCache {
  return {
    async get(id) {
      const text = await redis.get(`${keyPrefix}order:${id}`).catch(() => null)
      return text === null ? undefined : (JSON.parse(text) as Order)
    },
    async set(order) {
      await redis.set(`${keyPrefix}order:${order.id}`, JSON.stringify(order), 'EX', keepForSeconds).catch(() => {})
    },
  }
}

export const noCache: OrderCache = {
  async get() {
    return undefined
  },
  async set() {},
}
