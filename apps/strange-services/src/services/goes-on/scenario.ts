import { setTimeout as delay } from 'node:timers/promises'
import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'competitor',
  story: 'a service with an uncaughtException listener of its own, which is overruled: that must be said',
  uses: [],
  losesNothing: true,
  expect: { result: 'failed', exitCode: 1, says: [/another listener for uncaughtException/] },
  async play({ start, ask }) {
    const service = await start()
    await ask('/mistake')
    await Promise.race([service.ended, delay(8_000)])
    if (service.ending === undefined) await service.stop()
    return { accepted: [], done: [] }
  },
}
