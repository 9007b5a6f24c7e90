import { io } from 'socket.io-client'
import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'held-open',
  story: 'socket.io by long polling, ended by its engine when the lame duck is over',
  uses: [],
  losesNothing: true,
  expect: { withinMs: 3_000 },
  async play({ start }) {
    const service = await start()
    const clients = Array.from({ length: 3 }, () => io(`http://127.0.0.1:${service.port}`, { transports: ['polling'], reconnection: false }))
    try {
      await Promise.all(clients.map((client) => new Promise<void>((resolve) => client.once('connect', resolve))))
      const answers = await Promise.all(clients.map(async (client, n) => client.emitWithAck('hello', n) as Promise<string>))
      await service.stop()
      return { accepted: ['hello 0', 'hello 1', 'hello 2'], done: answers }
    } finally {
      for (const client of clients) client.disconnect()
    }
  },
}
