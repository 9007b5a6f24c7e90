import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'closed-too-soon',
  story: 'Nest: what was accepted is written in beforeApplicationShutdown, by a pool that a later hook ends',
  uses: ['postgres'],
  idsPerUnit: 10,
  async play({ sql, column, start, ask }) {
    await sql('CREATE TABLE visits (id text)')
    const service = await start()
    const asked = Array.from({ length: 10 }, async (_, n) => ({ id: `v${n}`, status: (await ask(`/v${n}`, { method: 'POST' })).status }))
    await service.saw('began', 10)
    await service.stop()
    const answers = await Promise.all(asked)
    return { accepted: answers.filter(({ status }) => status === 201).map(({ id }) => id), done: await column('SELECT id FROM visits') }
  },
}
