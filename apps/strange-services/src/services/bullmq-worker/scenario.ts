import { Queue } from 'bullmq'
import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'other-listeners',
  story: 'BullMQ: a worker of three at once, closed at the signal',
  uses: ['redis'],
  // What is active when a worker vanishes is taken up as stalled by the next one.
  losesNothing: true,
  async play({ id, redis, start }) {
    const queue = new Queue(id, { connection: { host: redis.options.host ?? '', port: redis.options.port ?? 0 } })
    try {
      const all = Array.from({ length: 15 }, (_, n) => `b${n}`)
      await queue.addBulk(all.map((each) => ({ name: 'send', data: { id: each } })))
      const service = await start()
      await service.saw('began', 5)
      await service.stop()
      const [done, waiting] = [await redis.lrange(`${id}:sent`, 0, -1), await queue.getJobs(['waiting', 'active', 'delayed', 'failed'])]
      return { accepted: all, done, kept: waiting.map((job) => String((job.data as { id: string }).id)) }
    } finally {
      await queue.obliterate({ force: true })
      await queue.close()
      await redis.del(`${id}:sent`)
    }
  },
}
