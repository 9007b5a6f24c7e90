import { setTimeout as delay } from 'node:timers/promises'
import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'not-work',
  story: 'a health path of the application’s own, named as no work, asked every 200 ms',
  uses: [],
  losesNothing: true,
  expect: { withinMs: 3_500 },
  async play({ start, ask }) {
    const service = await start()
    await ask('/')
    const asking = (async () => {
      while ((await ask('/status/health')).isTaken) await delay(200)
    })()
    await service.stop()
    await asking
    return { accepted: [], done: [] }
  },
}
