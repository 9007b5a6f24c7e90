import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'fails-in-drain',
  story: 'Nest: a hook that loses what it was to send, which Nest itself only logs',
  uses: [],
  idsPerUnit: 8,
  expect: { result: 'failed', exitCode: 72 },
  async play({ upstream, start, ask }) {
    const collector = await upstream((what) => (what === 'c3' ? 0 : 200))
    const service = await start({ COLLECTOR: collector.url })
    const answers = await Promise.all(Array.from({ length: 8 }, async (_, n) => ({ id: `c${n}`, status: (await ask(`/c${n}`, { method: 'POST' })).status })))
    await service.stop()
    return { accepted: answers.filter(({ status }) => status === 201).map(({ id }) => id), done: collector.received }
  },
}
