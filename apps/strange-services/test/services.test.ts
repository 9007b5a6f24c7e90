import { afterAll, beforeAll, expect, test } from 'vitest'
import { describePerformance } from '../src/lib/describe-performance.ts'
import { judge } from '../src/lib/judge.ts'
import { allScenarios } from '../src/lib/scenarios.ts'
import { runScenario } from '../src/lib/run-scenario.ts'
import { openWorld, urlsFrom, type World } from '../src/lib/world.ts'

const scenarios = await allScenarios()
let world: World
beforeAll(async () => {
  world = await openWorld(urlsFrom(process.env))
})
afterAll(() => world.close())

test.concurrent.each([...scenarios].map(([name, scenario]) => [`${name} (${scenario.kind}): ${scenario.story}`, name, scenario] as const))('%s', async (_title, name, scenario) => {
  const performance = await runScenario({ name, scenario, world })
  const wrong = judge(scenario, performance)
  expect(wrong, `${wrong.join('\n')}\n\n${describePerformance(performance)}\n`).toEqual([])
}, 60_000)
