import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'competitor',
  story: 'a SIGTERM listener added after ready() that would exit in the middle of requests, adopted',
  uses: [],
  expect: { says: [/^flushed$/m] },
  async play({ start, ask }) {
    const service = await start()
    const asked = Array.from({ length: 3 }, () => ask('/'))
    await service.saw('began', 3)
    await service.stop()
    await Promise.all(asked)
    return { accepted: [], done: [] }
  },
}
