import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'fails-in-drain',
  story: '202 and an auto-pipelined command afterwards, while Redis is dead',
  uses: ['redis'],
  breaks: true,
  graceMs: 6_000,
  expect: { result: ['forced', 'failed'], lost: 10 },
  async play({ id, redis, start, ask, break: breakServer }) {
    const service = await start()
    await breakServer('redis', 'kill')
    const answers = await Promise.all(Array.from({ length: 10 }, async (_, n) => ({ id: `s${n}`, status: (await ask(`/s${n}`)).status })))
    await service.stop()
    const done = await redis.smembers(`${id}:seen`)
    return { accepted: answers.filter(({ status }) => status === 202).map(({ id: each }) => each), done }
  },
}
