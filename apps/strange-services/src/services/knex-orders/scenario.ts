import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'transaction',
  story: 'Knex: a transaction for each request, and a row of history after the answer',
  uses: ['postgres'],
  async play({ sql, column, start, ask }) {
    await sql('CREATE TABLE stock (left_ int); CREATE TABLE orders (id text, "left" int); CREATE TABLE history (id text)')
    await sql('ALTER TABLE stock RENAME COLUMN left_ TO "left"; INSERT INTO stock VALUES (100)')
    const service = await start()
    const asked = Array.from({ length: 15 }, async (_, n) => ({ id: `o${n}`, status: (await ask(`/o${n}`, { method: 'POST' })).status }))
    await service.saw('began', 5)
    await service.stop()
    const accepted = (await Promise.all(asked)).filter(({ status }) => status === 201).map(({ id }) => id)
    const histories = (await column('SELECT id FROM history')).map((id) => `history-${id}`)
    return { accepted: [...accepted, ...accepted.map((id) => `history-${id}`)], done: [...(await column('SELECT id FROM orders')), ...histories] }
  },
}
