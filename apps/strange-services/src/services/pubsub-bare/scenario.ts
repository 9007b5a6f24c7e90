import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'out-of-sight',
  story: 'pub/sub handlers in callbacks with a timer between, that nobody tracks',
  uses: ['redis'],
  expect: { result: 'unknown', exitCode: 0 },
  async play({ id, redis, start }) {
    const service = await start()
    for (let n = 0; n < 5; n += 1) await redis.publish(`${id}:x`, `p${n}`)
    await service.saw('heard', 5)
    await service.stop()
    const done = await redis.lrange(`${id}:done`, 0, -1)
    await redis.del(`${id}:done`)
    return { accepted: service.said('heard'), done }
  },
}
