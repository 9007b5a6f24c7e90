import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'early-return',
  story: 'eachBatch over an async generator that ends by the lifecycle’s state',
  uses: ['kafka', 'redis'],
  losesNothing: true,
  async play({ id, kafka, redis, start }) {
    const all = Array.from({ length: 60 }, (_, n) => `m${n}`)
    await kafka.topic(id, { messages: all, partitions: 2 })
    const service = await start()
    await service.saw('began', 8)
    await service.stop()
    const done = await redis.lrange(`${id}:done`, 0, -1)
    await redis.del(`${id}:done`)
    return { accepted: all, done, kept: await kafka.left(id, id) }
  },
}
