import { connect } from 'node:net'
import type { RunningService } from '../../lib/running-service.ts'
import type { Scenario } from '../../lib/scenario.ts'

const clients = 1_500

/** Opens a stream, and leaves as soon as something comes. */
function comeAndGo(port: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'))
    socket.once('data', () => socket.destroy())
    socket.on('error', () => {}).on('close', () => resolve())
  })
}

async function churn({ port }: RunningService, times: number): Promise<void> {
  for (let n = 0; n < times; n += 25) await Promise.all(Array.from({ length: 25 }, () => comeAndGo(port)))
}

export const scenario: Scenario = {
  kind: 'churn',
  story: 'event streams under churn: nothing is kept of 1,500 clients that have left, and those that stay are told',
  uses: [],
  expect: { neverSays: [/MaxListeners/] },
  async play({ start, ask }) {
    const service = await start()
    const heap = async (): Promise<number> => Number((await ask('/heap')).body)
    await churn(service, 200)
    const before = await heap()
    await churn(service, clients)
    const grownBy = (await heap()) - before
    const ids = ['c0', 'c1', 'c2']
    const streams = ids.map((id) => {
      let begun = (): void => {}
      const first = new Promise<void>((resolve) => (begun = resolve))
      return { id, first, over: ask('/', { onData: () => begun() }) }
    })
    await Promise.all(streams.map(({ first }) => first))
    await service.stop()
    const told = await Promise.all(streams.map(async ({ id, over }) => ((await over).body.endsWith('event: bye\ndata:\n\n') ? [id] : [])))
    // A listener for each of them would be some 4 kB.
    const isLean = grownBy < clients * 1_000
    return { accepted: [...ids, 'lean heap'], done: [...told.flat(), ...(isLean ? ['lean heap'] : [])] }
  },
}
