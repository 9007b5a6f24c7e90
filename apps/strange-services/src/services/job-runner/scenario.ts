import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'early-return',
  story: 'a finite job by Kysely and an async generator that leaves with work to do, and says so',
  uses: ['postgres'],
  losesNothing: true,
  expect: { result: 'interrupted', exitCode: 143, lost: 0 },
  async play({ sql, column, start }) {
    const all = Array.from({ length: 140 }, (_, n) => `a${String(n).padStart(3, '0')}`)
    await sql('CREATE TABLE accounts (id text PRIMARY KEY, billed boolean DEFAULT false)')
    await sql('INSERT INTO accounts SELECT unnest($1::text[])', [all])
    const service = await start()
    await service.saw('billed', 3)
    await service.stop()
    return { accepted: all, done: await column('SELECT id FROM accounts WHERE billed'), kept: await column('SELECT id FROM accounts WHERE NOT billed') }
  },
}
