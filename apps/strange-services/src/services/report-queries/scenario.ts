import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'fails-in-drain',
  story: 'queries that wait for a connection of a busy pool until their own timeout is over',
  uses: ['postgres'],
  // Served, or counted.
  expect: { result: ['clean', 'failed'] },
  async play({ sql, column, start }) {
    await sql('CREATE TABLE reports (id text)')
    const service = await start()
    await service.stop()
    return { accepted: Array.from({ length: 10 }, (_, n) => `r${n}`), done: await column('SELECT id FROM reports') }
  },
}
