import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describePerformance } from '../src/lib/describe-performance.ts'
import { judge } from '../src/lib/judge.ts'
import { kinds } from '../src/lib/kinds.ts'
import { allScenarios } from '../src/lib/scenarios.ts'
import { runScenario } from '../src/lib/stage.ts'
import { openWorld, urlsFrom, type World } from '../src/lib/world.ts'

const scenarios = await allScenarios()
let world: World
beforeAll(async () => {
  world = await openWorld(urlsFrom(process.env))
})
afterAll(() => world.close())

describe.each(Object.keys(kinds))('%s', (kind) => {
  const ofKind = [...scenarios].filter(([, scenario]) => scenario.kind === kind)
  for (const [name, scenario] of ofKind) {
    test.concurrent(`${name}: ${scenario.story}`, async () => {
      const performance = await runScenario({ name, scenario, world })
      const wrong = judge(scenario, performance)
      expect(wrong, `${wrong.join('\n')}\n\n${describePerformance(performance)}\n`).toEqual([])
    }, 60_000)
  }
})
