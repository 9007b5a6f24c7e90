import { openSockets } from '../../lib/open-sockets.ts'
import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'out-of-sight',
  story: 'telemetry over WebSockets that is never answered, at work when the lame duck is over',
  uses: ['postgres'],
  async play({ sql, column, start }) {
    await sql('CREATE TABLE reports (id text)')
    const service = await start()
    const clients = await openSockets(service.port, ['u0', 'u1', 'u2', 'u3'])
    for (const { id, socket } of clients) for (let n = 0; n < 4; n += 1) socket.send(`${id}-${n}`)
    await service.saw('began', 16)
    await service.stop()
    await Promise.all(clients.map(async ({ closed }) => closed))
    return { accepted: service.said('began'), done: await column('SELECT id FROM reports') }
  },
}
