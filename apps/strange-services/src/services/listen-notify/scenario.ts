import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'out-of-sight',
  story: 'LISTEN/NOTIFY: a handler with several queries, wrapped as tracked work',
  uses: ['postgres'],
  async play({ id, sql, column, start }) {
    await sql('CREATE TABLE refreshed (id text)')
    const service = await start()
    for (let n = 0; n < 8; n += 1) await sql('SELECT pg_notify($1, $2)', [id, `n${n}`])
    await service.saw('heard', 8)
    await service.stop()
    return { accepted: service.said('heard'), done: await column('SELECT id FROM refreshed') }
  },
}
