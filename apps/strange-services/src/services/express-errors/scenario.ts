import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'out-of-sight',
  story: 'an error handler of Express that writes an incident after it has answered',
  uses: ['postgres'],
  async play({ sql, column, start, ask }) {
    await sql('CREATE TABLE incidents (id text, why text)')
    const service = await start()
    const asked = Array.from({ length: 10 }, async (_, n) => ({ id: `x${n}`, status: (await ask(`/x${n}`)).status }))
    await service.saw('began', 10)
    await service.stop()
    const answers = await Promise.all(asked)
    return { accepted: answers.filter(({ status }) => status === 500).map(({ id }) => id), done: await column('SELECT id FROM incidents') }
  },
}
