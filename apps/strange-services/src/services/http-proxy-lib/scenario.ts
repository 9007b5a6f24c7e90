import { untilTurnedAway } from '../../lib/keep-asking.ts'
import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'outvoted',
  story: 'http-proxy as it comes, in front of an upstream that keeps its connections',
  uses: [],
  async play({ upstream, start, ask }) {
    const behind = await upstream()
    const service = await start({ UPSTREAM: behind.url })
    const load = untilTurnedAway(6, (agent) => ask('/', { agent }))
    await behind.asked(150)
    const stopped = service.stop()
    const clients = await load
    await stopped
    return clients
  },
}
