import { setTimeout as delay } from 'node:timers/promises'
import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'pipeline',
  story: 'the holder of a distributed lock in the middle of a call; the lock must be free afterwards, and nobody gets two letters',
  uses: ['redis'],
  async play({ id, redis, upstream, start }) {
    const all = Array.from({ length: 20 }, (_, n) => `reader${n}`)
    await redis.rpush(`${id}:readers`, ...all)
    const sink = await upstream(async () => {
      await delay(50)
      return 200
    })
    const service = await start({ SINK: sink.url })
    await service.saw('began', 4)
    await service.stop()
    const kept = await redis.lrange(`${id}:readers`, 0, -1)
    const isFree = (await redis.exists(`${id}:lock`)) === 0
    await redis.del(`${id}:readers`, `${id}:lock`)
    return { accepted: [...all, 'lock'], done: [...sink.received, ...(isFree ? ['lock'] : [])], kept }
  },
}
