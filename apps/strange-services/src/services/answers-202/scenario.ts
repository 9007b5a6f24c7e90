import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'out-of-sight',
  story: 'answers 202 and does the work afterwards, in tracked work',
  uses: ['postgres'],
  async play({ sql, column, start, ask }) {
    await sql('CREATE TABLE mails (id text)')
    const service = await start()
    const answers = await Promise.all(Array.from({ length: 20 }, async (_, n) => ({ id: `m${n}`, status: (await ask(`/m${n}`)).status })))
    await service.stop()
    return { accepted: answers.filter(({ status }) => status === 202).map(({ id }) => id), done: await column('SELECT id FROM mails') }
  },
}
