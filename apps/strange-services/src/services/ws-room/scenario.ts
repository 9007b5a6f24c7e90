import { WebSocket } from 'ws'
import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'out-of-sight',
  story: 'WebSocket rooms that write in their close handlers, when all are told 1001',
  uses: ['postgres'],
  async play({ sql, column, start }) {
    await sql('CREATE TABLE boards (id text, strokes text, n int)')
    const service = await start()
    const ids = Array.from({ length: 8 }, (_, n) => `w${n}`)
    const codes = await Promise.all(
      ids.map(async (id) => {
        const socket = new WebSocket(`ws://127.0.0.1:${service.port}/${id}`)
        const closed = new Promise<number>((resolve) => socket.on('error', () => {}).on('close', resolve))
        await new Promise((resolve) => socket.once('open', resolve))
        socket.send('a line')
        await new Promise((resolve) => socket.once('message', resolve))
        return { id, closed }
      }),
    )
    await service.stop()
    const told = await Promise.all(codes.map(async ({ id, closed }) => ((await closed) === 1001 ? [`1001-${id}`] : [])))
    return { accepted: [...ids, ...ids.map((id) => `1001-${id}`)], done: [...(await column(`SELECT id FROM boards WHERE strokes = 'a line'`)), ...told.flat()] }
  },
}
