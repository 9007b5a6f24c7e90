import type { Scenario } from '../../lib/scenario.ts'

export const scenario: Scenario = {
  kind: 'runner',
  story: 'node --test on an app whose stop would end the runner: it must not be green with one test of five',
  uses: [],
  losesNothing: true,
  async play({ start }) {
    const service = await start()
    const [exit] = (await service.saw('exit')).split(' ').slice(1)
    await service.stop()
    const passed = service.said('passed')
    return { accepted: ['the truth'], done: exit !== '0' || passed.length === 5 ? ['the truth'] : [] }
  },
}
