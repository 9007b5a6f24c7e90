import { connect, type ClientHttp2Session } from 'node:http2'
import type { Scenario } from '../../lib/scenario.ts'

function get(session: ClientHttp2Session, path: string): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const stream = session.request({ ':path': path })
    stream.setEncoding('utf8').on('data', (piece: string) => (text += piece))
    stream.on('error', () => {}).on('close', () => resolve(text))
  })
}

export const scenario: Scenario = {
  kind: 'held-open',
  story: 'streams of HTTP/2 in the middle of their answers',
  uses: [],
  async play({ start }) {
    const service = await start()
    const session = connect(`http://127.0.0.1:${service.port}`)
    session.on('error', () => {})
    const ids = Array.from({ length: 12 }, (_, n) => `s${n}`)
    const streams = ids.map(async (id) => ({ id, text: await get(session, `/${id}`) }))
    await service.saw('began', 12)
    await service.stop()
    const answers = await Promise.all(streams)
    session.destroy()
    return { accepted: ids, done: answers.filter(({ text }) => text.endsWith('whole\n')).map(({ id }) => id) }
  },
}
