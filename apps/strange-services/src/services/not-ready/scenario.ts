import { setTimeout as delay } from 'node:timers/promises'
import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'died-for-good',
  story: 'a consumer that gives up for good makes its service not ready, and the later stop is not clean',
  uses: ['kafka'],
  losesNothing: true,
  expect: { result: 'failed' },
  async play({ id, kafka, start, ask }) {
    const all = Array.from({ length: 6 }, (_, n) => `m${n}`)
    await kafka.topic(id, { messages: all })
    const service = await start()
    // One that does not tell is asked all the same.
    await Promise.race([service.saw('ended'), delay(5_000)]).catch(() => {})
    const { status } = await ask('/readyz')
    await service.stop()
    return { accepted: [...all, 'not ready'], done: [...service.said('handled'), ...(status === 503 ? ['not ready'] : [])], kept: await kafka.left(id, id) }
  },
}
