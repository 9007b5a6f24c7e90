import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'pipeline',
  story: 'two consumers in one process, the second for what has failed in the first',
  uses: ['kafka', 'redis'],
  losesNothing: true,
  async play({ id, kafka, redis, start }) {
    const all = Array.from({ length: 40 }, (_, n) => `m${n}`)
    await Promise.all([kafka.topic(id, { messages: all, partitions: 2 }), kafka.topic(`${id}-retry`)])
    const service = await start()
    await service.saw('second', 2)
    await service.stop()
    const [first, second] = await Promise.all([kafka.left(id, id), kafka.left(`${id}-retry`, `${id}-retry`)])
    const done = await redis.lrange(`${id}:done`, 0, -1)
    await redis.del(`${id}:done`)
    return { accepted: all, done, kept: [...first, ...second] }
  },
}
