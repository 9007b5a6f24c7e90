import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'early-return',
  story: 'eachBatch in slices of five, that breaks out when lifecycle.stopping aborts',
  uses: ['kafka', 'postgres'],
  // What is not committed comes again: a consumer that vanishes loses nothing.
  losesNothing: true,
  async play({ id, kafka, sql, column, start }) {
    await sql('CREATE TABLE stored (id text)')
    const all = Array.from({ length: 60 }, (_, n) => `m${n}`)
    await kafka.topic(id, { messages: all })
    const service = await start()
    await service.saw('slice', 3)
    await service.stop()
    return { accepted: all, done: await column('SELECT id FROM stored'), kept: await kafka.left(id, id) }
  },
}
