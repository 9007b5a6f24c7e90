import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'pipeline',
  story: 'batch inserts by a timer, each request answered when its batch is in',
  uses: ['postgres'],
  idsPerUnit: 30,
  async play({ sql, column, start, ask }) {
    await sql('CREATE TABLE events (id text)')
    const service = await start()
    const asked = Array.from({ length: 30 }, async (_, n) => ({ id: `e${n}`, status: (await ask(`/e${n}`, { method: 'POST' })).status }))
    await Promise.race(asked)
    // The second half hangs in a batch when the signal comes.
    const more = Array.from({ length: 10 }, async (_, n) => ({ id: `f${n}`, status: (await ask(`/f${n}`, { method: 'POST' })).status }))
    await service.stop()
    const answers = await Promise.all([...asked, ...more])
    return { accepted: answers.filter(({ status }) => status === 201).map(({ id }) => id), done: await column('SELECT id FROM events') }
  },
}
