import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'closed-too-soon',
  story: 'p-queue behind a consumer that is paused while it is full; commits by hand from the tasks',
  uses: ['kafka', 'postgres'],
  losesNothing: true,
  async play({ id, kafka, sql, column, start }) {
    await sql('CREATE TABLE stored (id text)')
    const all = Array.from({ length: 60 }, (_, n) => `m${n}`)
    await kafka.topic(id, { messages: all })
    const service = await start()
    await service.saw('began', 12)
    await service.stop()
    return { accepted: all, done: await column('SELECT id FROM stored'), kept: await kafka.left(id, id) }
  },
}
