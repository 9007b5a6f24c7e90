import { afterAll, beforeAll, expect, test } from 'vitest'
import { describePerformance } from '../src/lib/describe-performance.ts'
import { breachesOf } from '../src/lib/invariant.ts'
import { describeMishap, planMishaps } from '../src/lib/mishap.ts'
import { allScenarios } from '../src/lib/scenarios.ts'
import { runScenario } from '../src/lib/run-scenario.ts'
import { openWorld, urlsFrom, type World } from '../src/lib/world.ts'

const scenarios = await allScenarios()
let world: World
beforeAll(async () => {
  world = await openWorld(urlsFrom(process.env))
})
afterAll(() => world.close())

test('the same seed plans the same mishaps, and another others', () => {
  expect(planMishaps(scenarios, 20, 7)).toEqual(planMishaps(scenarios, 20, 7))
  expect(planMishaps(scenarios, 20, 7)).not.toEqual(planMishaps(scenarios, 20, 8))
})

// The short form of `npm run strange -- --rounds 20 --seed 7`.
test.concurrent.each(planMishaps(scenarios, 12, 2_026).map(([name, mishap]) => [`${name}, ${describeMishap(mishap)}`, name, mishap] as const))('%s', async (_title, name, mishap) => {
  const scenario = scenarios.get(name)!
  const performance = await runScenario({ name, scenario, world, mishap })
  const wrong = breachesOf(performance, scenario.idsPerUnit)
  expect(wrong, `${wrong.join('\n')}\n\n${describePerformance(performance)}\n`).toEqual([])
}, 60_000)
