import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { blockingRedis } from './blocking-redis.ts'
import { redis } from './redis.ts'

const client = (): Redis => new Redis({ lazyConnect: true })

test.each<[string, () => unknown, string]>([
  ['redis', () => redis(client(), { reconnectMS: 5 } as never), 'redis(): the option reconnectMS is not known; did you mean reconnectMs? Known are '],
  ['redis, of blockingRedis alone', () => redis(client(), { loop: Promise.resolve() } as never), 'redis(): the option loop is not known; known are phase, '],
  ['blockingRedis', () => blockingRedis(client(), { loops: Promise.resolve() } as never), 'blockingRedis(): the option loops is not known; did you mean loop?'],
  ['blockingRedis, no object', () => blockingRedis(client(), null as never), 'blockingRedis() takes an object of options; it was given null (null)'],
])('refuses an option that is not known: %s', (_what, call, message) => {
  expect(call).toThrow(message)
})
