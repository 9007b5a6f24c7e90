import { untilTurnedAway } from '../../lib/keep-asking.ts'
import type { Scenario } from '../../lib/scenario.ts'

const paths = ['/set-header', '/object', '/reason', '/pairs', '/flush', '/keep-alive-too']

export const scenario: Scenario = {
  kind: 'outvoted',
  story: 'Connection: keep-alive set by hand, in six ways',
  uses: [],
  async play({ start, ask }) {
    const service = await start()
    const load = untilTurnedAway(paths.length, (agent, n) => ask(String(paths[n]), { agent }))
    await service.saw('began', 100)
    const stopped = service.stop()
    const clients = await load
    await stopped
    return clients
  },
}
