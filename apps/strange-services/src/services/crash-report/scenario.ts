import { setTimeout as delay } from 'node:timers/promises'
import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'crash-report',
  story: 'an uncaught error whose report is still being sent when everything else is done',
  uses: [],
  // The one that crashed gets no answer, which the fatal reason stands for.
  expect: { result: ['failed', 'forced'], exitCode: 1, lost: 1 },
  losesNothing: true,
  async play({ upstream, start, ask }) {
    const collector = await upstream(async () => {
      await delay(200)
      return 200
    })
    const service = await start({ COLLECTOR: collector.url })
    const work = Array.from({ length: 3 }, () => ask('/'))
    await service.saw('began', 3)
    const crash = ask('/crash')
    await Promise.race([service.ended, delay(8_000)])
    if (service.ending === undefined) await service.stop()
    await Promise.all([...work, crash])
    return { accepted: ['crash'], done: collector.received.map((text) => (text.includes('JSON') ? 'crash' : text)) }
  },
}
