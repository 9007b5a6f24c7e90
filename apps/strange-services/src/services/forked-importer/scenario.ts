import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'other-listeners',
  story: 'a child process that imports what its parent has accepted; what it has claimed must not hang half-done',
  uses: ['postgres'],
  async play({ sql, column, start, ask }) {
    await sql('CREATE TABLE imports (id text, state text)')
    const service = await start()
    const asked = Array.from({ length: 8 }, async (_, n) => ({ id: `i${n}`, status: (await ask(`/i${n}`, { method: 'POST' })).status }))
    const answers = await Promise.all(asked)
    await service.saw('began', 3)
    await service.stop()
    const [done, kept] = [await column(`SELECT id FROM imports WHERE state = 'done'`), await column(`SELECT id FROM imports WHERE state = 'waiting'`)]
    return { accepted: answers.filter(({ status }) => status === 202).map(({ id }) => id), done, kept }
  },
}
