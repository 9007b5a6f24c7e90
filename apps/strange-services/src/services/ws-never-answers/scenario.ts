import { openSockets } from '../../lib/open-sockets.ts'
import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'out-of-sight',
  story: 'messages of WebSockets that begin work of minutes, which nobody has made known',
  uses: [],
  expect: { result: 'unknown', exitCode: 0, lost: 4, withinMs: 6_000 },
  async play({ start }) {
    const service = await start()
    const clients = await openSockets(service.port, ['i0', 'i1', 'i2', 'i3'])
    for (const { id, socket } of clients) socket.send(id)
    await service.saw('began', 4)
    await service.stop()
    await Promise.all(clients.map(async ({ closed }) => closed))
    return { accepted: service.said('began'), done: service.said('finished') }
  },
}
