import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'fails-in-drain',
  story: '202 and a message afterwards, while the broker stands still',
  uses: ['kafka'],
  breaks: true,
  graceMs: 6_000,
  expect: { result: ['forced', 'failed'], lost: 10 },
  async play({ id, kafka, start, ask, break: breakServer }) {
    await kafka.topic(id)
    const service = await start()
    await breakServer('kafka', 'freeze')
    const answers = await Promise.all(Array.from({ length: 10 }, async (_, n) => ({ id: `o${n}`, status: (await ask(`/o${n}`)).status })))
    await service.stop()
    return { accepted: answers.filter(({ status }) => status === 202).map(({ id: order }) => order), done: await kafka.read(id) }
  },
}
