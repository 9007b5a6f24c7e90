import { WebSocket } from 'ws'
import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'other-listeners',
  story: 'Nest: a gateway of WebSockets on a port of its own, with messages in flight',
  uses: [],
  async play({ start }) {
    const service = await start()
    const ids = ['b0', 'b1', 'b2', 'b3']
    const socket = new WebSocket(`ws://127.0.0.1:${service.port}`)
    const taken: string[] = []
    socket.on('message', (data) => taken.push((JSON.parse((data as Buffer).toString()) as { data: string }).data))
    const closed = new Promise((resolve) => socket.on('error', () => {}).on('close', resolve))
    await new Promise((resolve) => socket.once('open', resolve))
    for (const id of ids) socket.send(JSON.stringify({ event: 'bid', data: id }))
    await service.saw('began', 4)
    await service.stop()
    await closed
    return { accepted: ids, done: taken }
  },
}
