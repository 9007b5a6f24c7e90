import { WebSocket } from 'ws'
import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'out-of-sight',
  story: 'messages of WebSockets that are rows, some of them still being written when the sockets are told to close',
  uses: ['postgres'],
  async play({ sql, column, start }) {
    await sql('CREATE TABLE ticks (id text)')
    const service = await start()
    const socket = new WebSocket(`ws://127.0.0.1:${service.port}`)
    const acknowledged: string[] = []
    socket.on('message', (data) => {
      const [word, id] = (data as Buffer).toString().split(' ')
      if (word === 'ok') acknowledged.push(String(id))
    })
    const closed = new Promise((resolve) => socket.on('error', () => {}).on('close', resolve))
    await new Promise((resolve) => socket.once('open', resolve))
    for (let n = 0; n < 16; n += 1) socket.send(`t${n}`)
    await service.saw('began', 16)
    await service.stop()
    await closed
    // What it began it finishes; what it has said that it did is there.
    return { accepted: [...new Set([...service.said('began'), ...acknowledged])], done: await column('SELECT id FROM ticks') }
  },
}
