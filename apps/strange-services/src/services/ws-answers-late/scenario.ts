import { openSockets } from '../../lib/open-sockets.ts'
import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'out-of-sight',
  story: 'a WebSocket chat in plain handlers, at work when the lame duck is over; every client gets its answer before 1001',
  uses: ['postgres'],
  async play({ sql, column, start }) {
    await sql('CREATE TABLE messages (id text)')
    const service = await start()
    const clients = await openSockets(service.port, ['c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7'])
    for (const { id, socket } of clients) socket.send(id)
    await service.saw('began', 8)
    await service.stop()
    await Promise.all(clients.map(async ({ closed }) => closed))
    const told = clients.flatMap(({ id, texts }) => (texts.length > 0 ? [`answer-${id}`] : []))
    const refused = clients.filter(({ texts }) => texts[0]?.startsWith('no ')).map(({ id }) => id)
    return {
      accepted: clients.flatMap(({ id }) => [id, `answer-${id}`]).filter((id) => !refused.includes(id)),
      done: [...(await column('SELECT id FROM messages')), ...told],
    }
  },
}
