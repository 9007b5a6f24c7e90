import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'held-open',
  story: 'long polling by hand: those who wait are told when the lame duck is over',
  uses: [],
  expect: { withinMs: 3_000 },
  async play({ start, ask }) {
    const service = await start()
    const polls = Array.from({ length: 10 }, async (_, n) => ({ id: `poll${n}`, status: (await ask('/messages')).status }))
    await service.saw('waits', 10)
    await service.stop()
    const answers = await Promise.all(polls)
    return { accepted: answers.map(({ id }) => id), done: answers.filter(({ status }) => status === 204).map(({ id }) => id) }
  },
}
