import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'other-listeners',
  story: 'a cluster of two workers with a pool each; the primary alone gets the signal',
  uses: ['postgres'],
  // What the primary counts are its workers.
  idsPerUnit: 16,
  async play({ sql, column, start, ask }) {
    await sql('CREATE TABLE visits (id text)')
    const service = await start()
    const asked = Array.from({ length: 16 }, async (_, n) => ({ id: `v${n}`, status: (await ask(`/v${n}`)).status }))
    await service.saw('began', 16)
    await service.stop()
    const answers = await Promise.all(asked)
    return { accepted: answers.filter(({ status }) => status === 201).map(({ id }) => id), done: await column('SELECT id FROM visits') }
  },
}
