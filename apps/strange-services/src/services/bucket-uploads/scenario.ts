import { setTimeout as delay } from 'node:timers/promises'
import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'out-of-sight',
  story: 'uploads to a bucket in parts, after a 202, three at a time',
  uses: [],
  async play({ upstream, start, ask }) {
    const bucket = await upstream(async () => {
      await delay(40)
      return 200
    })
    const service = await start({ BUCKET: bucket.url })
    const answers = await Promise.all(Array.from({ length: 10 }, async (_, n) => ({ id: `f${n}`, status: (await ask(`/f${n}`)).status })))
    await bucket.asked(5)
    await service.stop()
    const done = bucket.received.flatMap((path) => (path.endsWith('.complete') ? [path.slice(0, -'.complete'.length)] : []))
    return { accepted: answers.filter(({ status }) => status === 202).map(({ id }) => id), done }
  },
}
