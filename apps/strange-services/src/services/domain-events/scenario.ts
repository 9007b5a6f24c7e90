import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'out-of-sight',
  story: 'handlers that emit events to async listeners, so that offsets are committed before the work is done',
  uses: ['kafka', 'postgres'],
  async play({ id, kafka, sql, column, start }) {
    await sql('CREATE TABLE projected (id text)')
    const all = Array.from({ length: 40 }, (_, n) => `m${n}`)
    await kafka.topic(id, { messages: all })
    const service = await start()
    await service.saw('began', 12)
    await service.stop()
    return { accepted: all, done: await column('SELECT id FROM projected'), kept: await kafka.left(id, id) }
  },
}
