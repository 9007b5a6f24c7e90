import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'out-of-sight',
  story: 'croner and a pool: a run of four queries that is under way at the signal',
  uses: ['postgres'],
  async play({ sql, column, start }) {
    await sql('CREATE TABLE pages (run text, page int)')
    const service = await start()
    await service.saw('began')
    await service.stop()
    return { accepted: service.said('began'), done: await column('SELECT run FROM pages GROUP BY run HAVING count(*) = 4') }
  },
}
