import type { Cluster as Cluster6, Redis as Redis6 } from 'ioredis'
import type { Cluster as Cluster5, Redis as Redis5 } from 'ioredis-5'
import type { Cluster as Cluster54, Redis as Redis54 } from 'ioredis-5.4'
import { expectTypeOf, test } from 'vitest'
import type { RedisClient, RedisConnection } from './redis-client.ts'

// Checked by the compiler, not at run time.
test('what each version of ioredis really has fits the subset that is asked for', () => {
  expectTypeOf<Redis6>().toExtend<RedisClient>()
  expectTypeOf<Redis5>().toExtend<RedisClient>()
  expectTypeOf<Redis54>().toExtend<RedisClient>()
  expectTypeOf<Cluster6>().toExtend<RedisClient>()
  expectTypeOf<Cluster5>().toExtend<RedisClient>()
  expectTypeOf<Cluster54>().toExtend<RedisClient>()
  expectTypeOf<Redis6>().toExtend<RedisConnection>()
  expectTypeOf<Redis5>().toExtend<RedisConnection>()
  expectTypeOf<Redis54>().toExtend<RedisConnection>()
  expectTypeOf<ReturnType<Cluster6['nodes']>[number]>().toExtend<RedisConnection>()
  expectTypeOf<ReturnType<Cluster5['nodes']>[number]>().toExtend<RedisConnection>()
  expectTypeOf<ReturnType<Cluster54['nodes']>[number]>().toExtend<RedisConnection>()
  expectTypeOf<{ close(): Promise<void>; isReady: boolean }>().not.toExtend<RedisClient>()
})
