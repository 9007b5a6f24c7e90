import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Scenario } from '../../lib/scenario.ts'

/** Reads 64 kB, pauses, reads on; resolves with the number of whole lines, when the connection has ended. */
function readSlowly(port: number, onFirst: () => void): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'))
    let text = ''
    socket.setEncoding('latin1').on('data', (piece: string) => {
      if (text === '') onFirst()
      text += piece
      socket.pause()
      void delay(5).then(() => socket.resume())
    })
    socket.on('error', () => {}).on('close', () => resolve((text.match(/\d+ x{1000}\n/g) ?? []).length))
  })
}

export const scenario: Scenario = {
  kind: 'pipeline',
  story: 'exports through a cursor, to clients that read slowly',
  uses: ['postgres'],
  async play({ start }) {
    const service = await start()
    const clients = ['c0', 'c1']
    const reading = clients.map((client) => {
      let first = (): void => {}
      const begun = new Promise<void>((resolve) => (first = resolve))
      return { client, begun, lines: readSlowly(service.port, () => first()) }
    })
    await Promise.all(reading.map(({ begun }) => begun))
    await service.stop()
    const read = await Promise.all(reading.map(async ({ client, lines }) => ({ client, lines: await lines })))
    return { accepted: clients, done: read.filter(({ lines }) => lines === 6_000).map(({ client }) => client) }
  },
}
