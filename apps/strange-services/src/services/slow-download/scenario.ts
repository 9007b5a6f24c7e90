import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Scenario } from '../../lib/scenario.ts'

/** Resolves with the bytes of the body, when the connection has ended. */
function download(port: number, path: string, onFirst: () => void): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`GET ${path} HTTP/1.0\r\n\r\n`))
    let bytes = 0
    socket.on('data', (piece: Buffer) => {
      if (bytes === 0) onFirst()
      const end = bytes === 0 ? piece.indexOf('\r\n\r\n') + 4 : 0
      bytes += piece.length - end
      socket.pause()
      void delay(4).then(() => socket.resume())
    })
    socket.on('error', () => {}).on('close', () => resolve(bytes))
  })
}

export const scenario: Scenario = {
  kind: 'held-open',
  story: 'large downloads by slow clients, from a generator and from a file',
  uses: [],
  async play({ start }) {
    const service = await start()
    const paths = ['/file', '/generated']
    const downloads = paths.map((path) => {
      let first = (): void => {}
      const begun = new Promise<void>((resolve) => (first = resolve))
      return { path, begun, bytes: download(service.port, path, () => first()) }
    })
    await Promise.all(downloads.map(({ begun }) => begun))
    await service.stop()
    const got = await Promise.all(downloads.map(async ({ path, bytes }) => ({ path, bytes: await bytes })))
    return { accepted: paths, done: got.filter(({ bytes }) => bytes === 8_000_000).map(({ path }) => path) }
  },
}
