import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'late-use',
  story: 'heartbeat timers that go on using closed clients: a line, and not 72 and a hundred stack traces',
  uses: ['redis', 'postgres'],
  losesNothing: true,
  expect: { result: 'unknown', exitCode: 0, mostStderrLines: 12, neverSays: [/unhandledRejection/, /\n\s+at /] },
  async play({ sql, start }) {
    await sql('CREATE TABLE alive (at timestamptz); INSERT INTO alive VALUES (now())')
    const service = await start()
    await service.saw('beat', 3)
    await service.stop()
    return { accepted: [], done: [] }
  },
}
