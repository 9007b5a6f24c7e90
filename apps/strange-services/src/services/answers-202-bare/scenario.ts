import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'out-of-sight',
  story: 'answers 202 and does the work in callbacks that nobody tracks, one query after the other',
  uses: ['postgres'],
  // The second query may find the pool closed: then that is said.
  expect: { result: ['clean', 'unknown'] },
  async play({ sql, column, start, ask }) {
    await sql('CREATE TABLE terms (id text)')
    const service = await start()
    const answers = await Promise.all(Array.from({ length: 12 }, async (_, n) => ({ id: `d${n}`, status: (await ask(`/d${n}`)).status })))
    await service.stop()
    return { accepted: answers.filter(({ status }) => status === 202).map(({ id }) => id), done: await column('SELECT id FROM terms') }
  },
}
