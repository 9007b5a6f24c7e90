import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'fails-in-drain',
  story: 'an audit log that is sent in the drain, to a broker that is dead',
  uses: ['kafka'],
  breaks: true,
  graceMs: 8_000,
  expect: { result: ['forced', 'failed'], lost: 8 },
  async play({ id, kafka, start, ask, break: breakServer }) {
    await kafka.topic(id)
    const service = await start()
    await breakServer('kafka', 'kill')
    const asked = Array.from({ length: 8 }, async (_, n) => ({ id: `a${n}`, status: (await ask(`/a${n}`)).status }))
    const stopped = service.stop()
    const answers = await Promise.all(asked)
    await stopped
    return { accepted: answers.filter(({ status }) => status === 200).map(({ id: entry }) => entry), done: await kafka.read(id) }
  },
}
