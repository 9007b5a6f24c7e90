import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'out-of-sight',
  story: 'pub/sub handlers of several commands with pauses, as tracked work',
  uses: ['redis'],
  async play({ id, redis, start }) {
    const service = await start()
    for (let n = 0; n < 8; n += 1) await redis.publish(id, `p${n}`)
    await service.saw('heard', 8)
    await service.stop()
    const done = await redis.lrange(`${id}:done`, 0, -1)
    await redis.del(`${id}:done`, `${id}:seen`)
    return { accepted: service.said('heard'), done }
  },
}
