import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'fails-in-drain',
  story: '202 and a command afterwards, while Redis stands still',
  uses: ['redis'],
  breaks: true,
  graceMs: 5_000,
  expect: { result: ['forced', 'failed'], lost: 10 },
  async play({ id, redis, start, ask, break: breakServer }) {
    const service = await start()
    await breakServer('redis', 'freeze')
    const answers = await Promise.all(Array.from({ length: 10 }, async (_, n) => ({ id: `v${n}`, status: (await ask(`/votes/v${n}`, { method: 'POST' })).status })))
    await service.stop()
    const done = await redis.lrange(`${id}:votes`, 0, -1)
    await redis.del(`${id}:votes`)
    return { accepted: answers.filter(({ status }) => status === 202).map(({ id: vote }) => vote), done }
  },
}
