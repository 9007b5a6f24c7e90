import { setTimeout as delay } from 'node:timers/promises'
import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'last-callback',
  story: 'an onReport that sends the report to a collector',
  uses: [],
  async play({ upstream, start, ask }) {
    const collector = await upstream(async () => {
      await delay(100)
      return 200
    })
    const service = await start({ COLLECTOR: collector.url })
    await ask('/')
    await service.stop()
    return { accepted: ['clean'], done: collector.received }
  },
}
