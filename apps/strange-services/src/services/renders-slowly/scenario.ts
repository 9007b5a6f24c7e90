import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'nothing-begun',
  story: 'pages that block the event loop one after the other, while other requests wait in its sockets',
  uses: [],
  async play({ start, ask }) {
    const service = await start()
    const asked = Array.from({ length: 10 }, (_, n) => ask(`/p${n}`))
    await service.saw('began')
    await service.stop()
    await Promise.all(asked)
    return { accepted: [], done: [] }
  },
}
