import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'early-return',
  story: 'eachBatch that races its whole work against the signal, and resolves nothing',
  uses: ['kafka', 'postgres'],
  losesNothing: true,
  // Its writes go on behind its back; what is not committed comes again, and nothing of it is lost.
  expect: { result: ['clean', 'unknown', 'failed'], again: 'any', lost: 0 },
  async play({ id, kafka, sql, column, start }) {
    await sql('CREATE TABLE stored (id text)')
    const all = Array.from({ length: 20 }, (_, n) => `m${n}`)
    await kafka.topic(id, { messages: all })
    const service = await start()
    await service.saw('began', 6)
    await service.stop()
    return { accepted: all, done: await column('SELECT id FROM stored'), kept: await kafka.left(id, id) }
  },
}
