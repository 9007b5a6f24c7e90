import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'pipeline',
  story: 'a group on a Redis stream: XREADGROUP, a row, XACK',
  uses: ['redis', 'postgres'],
  // What is pending is claimed by another consumer.
  losesNothing: true,
  async play({ id, redis, sql, column, start }) {
    await sql('CREATE TABLE entries (id text)')
    const all = Array.from({ length: 24 }, (_, n) => `e${n}`)
    await redis.xgroup('CREATE', id, 'workers', '0', 'MKSTREAM')
    for (const text of all) await redis.xadd(id, '*', 'text', text)
    const service = await start()
    await service.saw('began', 7)
    await service.stop()
    const entries = new Map((await redis.xrange(id, '-', '+')).map(([entry, fields]) => [entry, String(fields[1])]))
    const [[, , , last]] = ((await redis.xinfo('GROUPS', id)) as string[][]).map((fields) => [fields[1], fields[3], fields[5], fields[7]]) as [[string, string, string, string]]
    const pending = ((await redis.xpending(id, 'workers', '-', '+', 100)) as [string][]).map(([entry]) => entry)
    await redis.del(id)
    const undelivered = [...entries.keys()].filter((entry) => isAfter(entry, last))
    return { accepted: all, done: await column('SELECT id FROM entries'), kept: [...pending, ...undelivered].map((entry) => String(entries.get(entry))) }
  },
}

function isAfter(entry: string, other: string): boolean {
  const [[time, n], [otherTime, otherN]] = [entry, other].map((text) => text.split('-').map(Number)) as [[number, number], [number, number]]
  return time > otherTime || (time === otherTime && n > otherN)
}
