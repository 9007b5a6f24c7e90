import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'pipeline',
  story: 'an outbox that a poller empties into Kafka, one transaction a poll',
  uses: ['kafka', 'postgres'],
  losesNothing: true,
  async play({ id, kafka, sql, column, start }) {
    const all = Array.from({ length: 100 }, (_, n) => `o${String(n).padStart(3, '0')}`)
    await sql('CREATE TABLE outbox (id text PRIMARY KEY)')
    await sql('INSERT INTO outbox SELECT unnest($1::text[])', [all])
    await kafka.topic(id)
    const service = await start()
    await service.saw('began', 3)
    await service.stop()
    return { accepted: all, done: await kafka.read(id), kept: await column('SELECT id FROM outbox') }
  },
}
