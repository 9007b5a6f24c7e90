import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'closed-too-soon',
  story: 'messages in a buffer, written and committed by hand by a resource that needs the consumer',
  uses: ['kafka', 'postgres'],
  losesNothing: true,
  async play({ id, kafka, sql, column, start }) {
    await sql('CREATE TABLE sunk (id text)')
    const all = Array.from({ length: 30 }, (_, n) => `m${n}`)
    await kafka.topic(id, { messages: all })
    const service = await start()
    await service.saw('took', 30)
    await service.stop()
    return { accepted: all, done: await column('SELECT id FROM sunk'), kept: await kafka.left(id, id) }
  },
}
