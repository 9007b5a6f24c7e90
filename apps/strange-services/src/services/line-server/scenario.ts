import { connect } from 'node:net'
import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'other-listeners',
  story: 'a TCP server with a protocol and a resource of its own',
  uses: ['postgres'],
  async play({ sql, column, start }) {
    await sql('CREATE TABLE put (id text)')
    const service = await start()
    let text = ''
    const socket = connect(service.port, '127.0.0.1', () => socket.write(Array.from({ length: 12 }, (_, n) => `p${n}\n`).join('')))
    const closed = new Promise<void>((resolve) => socket.setEncoding('utf8').on('data', (piece: string) => (text += piece)).on('error', () => {}).on('close', () => resolve()))
    await service.saw('began', 12)
    await service.stop()
    await closed
    const acknowledged = [...text.matchAll(/^ok (\S+)$/gm)].map(([, id]) => `ok-${id}`)
    const rows = await column('SELECT id FROM put')
    // Each command that it began was answered, and what it answered with "ok" is in the table.
    const began = service.said('began')
    const answered = [...text.matchAll(/^(?:ok|no) (\S+)$/gm)].map(([, id]) => `answer-${id}`)
    return { accepted: [...began.map((id) => `answer-${id}`), ...acknowledged], done: [...answered, ...rows.map((id) => `ok-${id}`)] }
  },
}
