import type { Scenario } from '../../lib/scenario.ts'
import { untilTurnedAway } from '../../lib/keep-asking.ts'

export const scenario: Scenario = {
  kind: 'outvoted',
  story: 'a gateway by hand that passes on its upstream’s Connection header',
  uses: [],
  async play({ upstream, start, ask }) {
    const behind = await upstream()
    const service = await start({ UPSTREAM: behind.url })
    const load = untilTurnedAway(8, (agent) => ask('/', { agent }))
    await behind.asked(200)
    const stopped = service.stop()
    const clients = await load
    await stopped
    return clients
  },
}
