import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'nothing-in-hand',
  story: 'kafkajs sleeps in its back-off between two tries of a message',
  uses: ['kafka'],
  losesNothing: true,
  expect: { withinMs: 4_000 },
  async play({ id, kafka, start }) {
    const all = Array.from({ length: 5 }, (_, n) => `m${n}`)
    await kafka.topic(id, { messages: all })
    const service = await start()
    await service.saw('sleeps')
    await service.stop()
    return { accepted: all, done: service.said('handled'), kept: await kafka.left(id, id) }
  },
}
