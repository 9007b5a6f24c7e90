import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'competitor',
  story: 'a copied shutdown helper that ends the pool and the process, adopted: it runs when the requests are done',
  uses: ['postgres'],
  expect: { says: [/^shutting down$/m] },
  async play({ sql, column, start, ask }) {
    await sql('CREATE TABLE kept (id text)')
    const service = await start()
    const asked = Array.from({ length: 9 }, async (_, n) => ({ id: `k${n}`, status: (await ask(`/k${n}`)).status }))
    await service.saw('began', 9)
    await service.stop()
    const answers = await Promise.all(asked)
    return { accepted: answers.filter(({ status }) => status === 201).map(({ id }) => id), done: await column('SELECT id FROM kept') }
  },
}
