import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'transaction',
  story: 'a transaction with savepoints for each request, more of them than connections',
  uses: ['postgres'],
  async play({ sql, column, start, ask }) {
    await sql('CREATE TABLE legs (id text, leg text)')
    const service = await start()
    const asked = Array.from({ length: 12 }, async (_, n) => ({ id: `t${n}`, status: (await ask(`/t${n}`, { method: 'POST' })).status }))
    await service.saw('began', 6)
    await service.stop()
    const answers = await Promise.all(asked)
    return {
      accepted: answers.filter(({ status }) => status === 201).map(({ id }) => id),
      done: await column(`SELECT id FROM legs GROUP BY id HAVING string_agg(leg, ' ' ORDER BY leg) = 'credit debit'`),
    }
  },
}
