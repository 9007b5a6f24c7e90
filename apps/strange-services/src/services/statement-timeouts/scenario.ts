import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'fails-in-drain',
  story: 'tracked work of which the database refuses a part, by its statement_timeout',
  uses: ['postgres'],
  expect: { result: 'failed', exitCode: 72 },
  async play({ sql, column, start, ask }) {
    await sql('CREATE TABLE results (id text)')
    const service = await start()
    const answers = await Promise.all(Array.from({ length: 12 }, async (_, n) => ({ id: `r${n}`, status: (await ask(`/r${n}`)).status })))
    await service.stop()
    return { accepted: answers.filter(({ status }) => status === 202).map(({ id }) => id), done: await column('SELECT id FROM results') }
  },
}
