import { setTimeout as delay } from 'node:timers/promises'
import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'not-work',
  story: '/readyz every 200 ms on the port of the app: a lame duck of 0.7 s must not become one of 8 s',
  uses: [],
  losesNothing: true,
  expect: { withinMs: 3_500 },
  async play({ start, ask }) {
    const service = await start()
    await ask('/')
    let isOver = false
    const probing = (async () => {
      while (!isOver) {
        const { isTaken } = await ask('/readyz')
        if (!isTaken) return
        await delay(200)
      }
    })()
    await service.stop()
    isOver = true
    await probing
    return { accepted: [], done: [] }
  },
}
