import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'out-of-sight',
  story: 'untracked work whose second step comes by a timer, when the pool has mostly closed',
  uses: ['postgres'],
  // Whether the pool is still open then is chance; what it refuses is counted.
  expect: { result: ['unknown', 'clean'], exitCode: 0 },
  async play({ sql, column, start, ask }) {
    await sql('CREATE TABLE begun (id text); CREATE TABLE shrunk (id text)')
    const service = await start()
    const answers = await Promise.all(Array.from({ length: 6 }, async (_, n) => ({ id: `p${n}`, status: (await ask(`/p${n}`)).status })))
    await service.stop()
    return { accepted: answers.filter(({ status }) => status === 202).map(({ id }) => id), done: await column('SELECT id FROM shrunk') }
  },
}
