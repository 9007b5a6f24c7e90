import { connect, type Socket } from 'node:net'
import type { Scenario } from '../../lib/scenario.ts'

const upgrade = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`

export const scenario: Scenario = {
  kind: 'nothing-begun',
  story: 'half a request head, a WebSocket that answers no close frame, an upgrade that is never answered',
  uses: [],
  losesNothing: true,
  graceMs: 30_000,
  expect: { result: 'clean', withinMs: 9_000 },
  async play({ start, ask }) {
    const service = await start()
    const open = (text: string): Socket => {
      const socket = connect(service.port, '127.0.0.1', () => socket.write(text))
      return socket.on('error', () => {}).on('data', () => {})
    }
    const sockets = [open('GET / HTTP/1.1\r\nX-'), open(upgrade('/ws')), open(upgrade('/elsewhere')), open('')]
    try {
      await Promise.all([service.saw('upgraded'), service.saw('left alone'), service.saw('connected', 4)])
      await ask('/')
      await service.stop()
      return { accepted: [], done: [] }
    } finally {
      for (const socket of sockets) socket.destroy()
    }
  },
}
