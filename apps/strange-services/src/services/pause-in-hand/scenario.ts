import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'deferred',
  story: 'a consumer that holds its topic by consumer.pause() in the middle of a message',
  uses: ['kafka', 'redis'],
  losesNothing: true,
  // What a handler leaves behind in a partition that it has paused may not be done: it comes again.
  expect: { again: 'any' },
  async play({ id, kafka, redis, start }) {
    const all = Array.from({ length: 40 }, (_, n) => `m${n}`)
    await kafka.topic(id, { messages: all, partitions: 2 })
    const service = await start()
    await service.saw('paused', 2)
    await service.stop()
    const done = await redis.lrange(`${id}:done`, 0, -1)
    await redis.del(`${id}:done`)
    return { accepted: all, done, kept: await kafka.left(id, id) }
  },
}
