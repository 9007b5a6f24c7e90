import { setTimeout as delay } from 'node:timers/promises'
import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'pipeline',
  story: 'a campaign with a token bucket and a cursor in Redis, stopped in the middle of a mail',
  uses: ['redis'],
  // Who vanishes writes to somebody twice.
  losesNothing: true,
  async play({ id, redis, upstream, start }) {
    const all = Array.from({ length: 20 }, (_, n) => `to${n}`)
    await redis.rpush(`${id}:addresses`, ...all)
    const mails = await upstream(async () => {
      await delay(60)
      return 200
    })
    const service = await start({ MAILS: mails.url })
    await mails.asked(6)
    await service.stop()
    const cursor = Number((await redis.get(`${id}:cursor`)) ?? 0)
    await redis.del(`${id}:addresses`, `${id}:cursor`)
    return { accepted: all, done: mails.received, kept: all.slice(cursor) }
  },
}
