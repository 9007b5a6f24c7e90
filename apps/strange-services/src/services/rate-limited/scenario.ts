import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'deferred',
  story: 'a partition that is paused for a rate limit when the signal comes, with a timer to resume it',
  uses: ['kafka'],
  losesNothing: true,
  expect: { withinMs: 6_000 },
  async play({ id, kafka, upstream, start }) {
    const all = Array.from({ length: 8 }, (_, n) => `m${n}`)
    await kafka.topic(id, { messages: all })
    const partner = await upstream((what) => (what === 'm3' ? 429 : 200))
    const service = await start({ PARTNER: partner.url })
    await service.saw('paused')
    await service.stop()
    return { accepted: all, done: partner.received, kept: await kafka.left(id, id) }
  },
}
