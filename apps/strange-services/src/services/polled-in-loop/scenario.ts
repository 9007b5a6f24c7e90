import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'nothing-in-hand',
  story: 'a pool that is polled in a loop which nobody stops',
  uses: ['postgres'],
  losesNothing: true,
  expect: { result: 'unknown', exitCode: 0, withinMs: 6_000 },
  async play({ sql, start }) {
    await sql('CREATE TABLE inbox (id text)')
    const service = await start()
    await service.saw('nothing', 5)
    await service.stop()
    return { accepted: [], done: [] }
  },
}
