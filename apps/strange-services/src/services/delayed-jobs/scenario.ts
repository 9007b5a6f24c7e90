import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'out-of-sight',
  story: 'delayed jobs in a sorted set, claimed by a poller and run on their own',
  uses: ['redis'],
  async play({ id, redis, start }) {
    const all = Array.from({ length: 30 }, (_, n) => `d${n}`)
    const now = Date.now()
    for (const [n, job] of all.entries()) await redis.zadd(`${id}:due`, n < 20 ? now + n : now + 3_600_000, job)
    const service = await start()
    await service.saw('began', 6)
    await service.stop()
    const [done, kept] = [await redis.lrange(`${id}:done`, 0, -1), await redis.zrange(`${id}:due`, '0', '-1')]
    await redis.del(`${id}:due`, `${id}:done`)
    return { accepted: all, done, kept }
  },
}
