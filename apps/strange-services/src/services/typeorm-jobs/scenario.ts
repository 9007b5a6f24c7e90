import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'out-of-sight',
  story: 'TypeORM: loops by hand that claim rows of a table of jobs, one transaction each',
  uses: ['postgres'],
  // A transaction is cut whole: its job goes to the next worker.
  losesNothing: true,
  async play({ sql, column, start }) {
    const all = Array.from({ length: 30 }, (_, n) => `j${String(n).padStart(2, '0')}`)
    await sql(`CREATE TABLE jobs (id text PRIMARY KEY, state text)`)
    await sql(`INSERT INTO jobs SELECT unnest($1::text[]), 'waiting'`, [all])
    const service = await start()
    await service.saw('began', 4)
    await service.stop()
    // What it has said that it finished must be in the table.
    const [done, kept] = [await column(`SELECT id FROM jobs WHERE state = 'done'`), await column(`SELECT id FROM jobs WHERE state = 'waiting'`)]
    const finished = service.said('finished').map((id) => `finished-${id}`)
    return { accepted: [...all, ...finished], done: [...done, ...done.map((id) => `finished-${id}`)], kept }
  },
}
