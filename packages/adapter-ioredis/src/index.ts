export { blockingRedis, type BlockingRedisOptions } from './lib/blocking-redis.ts'
export { redis, type RedisOptions } from './lib/redis.ts'
export type { RedisClient } from './lib/redis-client.ts'
