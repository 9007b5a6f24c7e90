import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'transaction',
  story: 'a table of dead letters, written in the transaction of the message',
  uses: ['kafka', 'postgres'],
  losesNothing: true,
  async play({ id, kafka, sql, column, start }) {
    await sql('CREATE TABLE letters (id text, n text); CREATE TABLE dead_letters (id text, why text)')
    const all = Array.from({ length: 40 }, (_, n) => `m${n}`)
    await kafka.topic(id, { messages: all })
    const service = await start()
    await service.saw('began', 9)
    await service.stop()
    return { accepted: all, done: await column('SELECT id FROM letters UNION ALL SELECT id FROM dead_letters'), kept: await kafka.left(id, id) }
  },
}
