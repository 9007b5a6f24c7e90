import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'competitor',
  story: 'a service that keeps its uncaught errors to itself by choice, and drains later as if nothing had been',
  uses: [],
  async play({ start, ask }) {
    const service = await start()
    await ask('/mistake')
    await service.saw('logged')
    const asked = Array.from({ length: 4 }, (_, n) => ask(`/p${n}`))
    await service.saw('began', 4)
    await service.stop()
    await Promise.all(asked)
    return { accepted: [], done: [] }
  },
}
