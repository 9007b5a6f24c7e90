import { connect } from 'node:net'
import { ask as askAnywhere } from '../../lib/ask.ts'
import type { Scenario } from '../../lib/scenario.ts'

/** The app's own listener is closed then, and its requests still run. */
async function untilRefused(port: number): Promise<void> {
  for (;;) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
      socket.on('connect', () => socket.destroy())
    })
    if (!isOpen) return
  }
}

export const scenario: Scenario = {
  kind: 'to-the-end',
  story: 'a server of metrics in the phase telemetry, scraped while the last requests run',
  uses: [],
  async play({ upstream, start, ask }) {
    let answer = (): void => {}
    const scraped = new Promise<void>((resolve) => (answer = resolve))
    const backend = await upstream(async () => {
      await scraped
      return 200
    })
    const service = await start({ BACKEND: backend.url })
    const port = Number((await service.saw('metrics')).split(' ')[1])
    const work = Array.from({ length: 3 }, () => ask('/'))
    await service.saw('began', 3)
    const stopped = service.stop()
    await untilRefused(service.port)
    const scrape = await askAnywhere({ port, path: '/' })
    answer()
    await Promise.all([...work, stopped])
    return { accepted: ['scrape'], done: scrape.body === 'running 3\n' ? ['scrape'] : [] }
  },
}
