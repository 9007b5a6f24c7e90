import { connect } from 'node:net'
import type { Scenario } from '../../lib/scenario.ts'

/** Asks as Nest's TCP client does; resolves with what came until the connection ended. */
function askOverTcp(port: number, id: string): Promise<string> {
  return new Promise((resolve) => {
    const message = JSON.stringify({ pattern: 'price', data: {}, id })
    const socket = connect(port, '127.0.0.1', () => socket.write(`${message.length}#${message}`))
    let answer = ''
    socket.setEncoding('utf8').on('data', (text: string) => {
      answer += text
      if (answer.includes('eleven')) socket.end()
    })
    socket.on('error', () => {}).on('close', () => resolve(answer))
  })
}

export const scenario: Scenario = {
  kind: 'other-listeners',
  story: 'a hybrid Nest application: messages over TCP are in flight',
  uses: [],
  async play({ start }) {
    const service = await start()
    const ids = ['p0', 'p1', 'p2']
    const answers = ids.map(async (id) => ({ id, answer: await askOverTcp(service.port, id) }))
    await service.saw('began', 3)
    await service.stop()
    const answered = await Promise.all(answers)
    return { accepted: ids, done: answered.filter(({ answer }) => answer.includes('eleven')).map(({ id }) => id) }
  },
}
