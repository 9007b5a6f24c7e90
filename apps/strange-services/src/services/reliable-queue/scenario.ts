import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'out-of-sight',
  story: 'BLMOVE in an async generator, a transaction to finish each job',
  uses: ['redis'],
  async play({ id, redis, start }) {
    const all = Array.from({ length: 25 }, (_, n) => `j${n}`)
    await redis.rpush(`${id}:waiting`, ...all)
    const service = await start()
    await service.saw('began', 5)
    await service.stop()
    // What lies in `doing` has no owner: a janitor would have to find it.
    const [done, kept] = [await redis.lrange(`${id}:done`, 0, -1), await redis.lrange(`${id}:waiting`, 0, -1)]
    await redis.del(`${id}:waiting`, `${id}:doing`, `${id}:done`)
    return { accepted: all, done, kept }
  },
}
