import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'out-of-sight',
  story: 'a cache that is written behind, flushed by size, by a timer, and at the end',
  uses: ['postgres'],
  idsPerUnit: 40,
  async play({ sql, column, start, ask }) {
    await sql('CREATE TABLE settings (key text PRIMARY KEY, value text)')
    const service = await start()
    const answers = await Promise.all(Array.from({ length: 40 }, async (_, n) => ({ id: `k${n}`, status: (await ask(`/k${n}?value=${n}`, { method: 'PUT' })).status })))
    await service.stop()
    return { accepted: answers.filter(({ status }) => status === 204).map(({ id }) => id), done: await column('SELECT key FROM settings') }
  },
}
