import { setTimeout as delay } from 'node:timers/promises'
import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'died-for-good',
  story: 'a consumer that gives up for good ends its service, which did not go well',
  uses: ['kafka'],
  losesNothing: true,
  expect: { result: 'failed', exitCode: 72, says: [/poison/] },
  async play({ id, kafka, start }) {
    const all = Array.from({ length: 6 }, (_, n) => `m${n}`)
    await kafka.topic(id, { messages: all })
    const service = await start()
    // It ends by itself. One that does not gets the signal, and says clean.
    await Promise.race([service.ended, delay(5_000)])
    if (service.ending === undefined) await service.stop()
    return { accepted: all, done: service.said('handled'), kept: await kafka.left(id, id) }
  },
}
