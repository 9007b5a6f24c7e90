import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'out-of-sight',
  story: 'LISTEN/NOTIFY behind an emitter, with async listeners that nobody awaits',
  uses: ['postgres'],
  expect: { result: ['unknown'] },
  async play({ id, sql, column, start }) {
    await sql('CREATE TABLE copied (id text)')
    const service = await start()
    for (let n = 0; n < 6; n += 1) await sql('SELECT pg_notify($1, $2)', [id, `n${n}`])
    await service.saw('heard', 6)
    await service.stop()
    return { accepted: service.said('heard'), done: await column('SELECT id FROM copied') }
  },
}
