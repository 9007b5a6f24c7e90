import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'held-open',
  story: 'server-sent events that say goodbye when the lame duck is over, and write how far they have come',
  uses: ['postgres'],
  async play({ sql, column, start, ask }) {
    await sql('CREATE TABLE cursors (id text, at int)')
    const service = await start()
    const ids = ['c0', 'c1', 'c2', 'c3']
    const streams = ids.map((id) => {
      let begun = (): void => {}
      const first = new Promise<void>((resolve) => (begun = resolve))
      return { id, first, over: ask(`/${id}`, { onData: (text) => text.includes('tick') && begun() }) }
    })
    await Promise.all(streams.map(({ first }) => first))
    await service.stop()
    const ended = await Promise.all(streams.map(async ({ id, over }) => ((await over).body.endsWith('event: bye\ndata:\n\n') ? [`bye-${id}`] : [])))
    return { accepted: [...ids, ...ids.map((id) => `bye-${id}`)], done: [...(await column('SELECT id FROM cursors WHERE at > 0')), ...ended.flat()] }
  },
}
