import { afterAll, beforeAll, expect, test } from 'vitest'
import { allScenarios } from '../src/lib/scenarios.ts'
import { playLie } from '../src/lib/rounds.ts'
import { openWorld, urlsFrom, type World } from '../src/lib/world.ts'

const scenarios = await allScenarios()
let world: World
beforeAll(async () => {
  world = await openWorld(urlsFrom(process.env))
})
afterAll(() => world.close())

// A service that leaves at once, and prints a report that says clean. Where that is not caught, nothing is proved. All of them: npm run strange -- --lies
const losing = [...scenarios].filter(([, { losesNothing = false }]) => !losesNothing)

test.concurrent.each(losing.filter((_, index) => index % 4 === 0))('%s is caught when it leaves at once and says clean', async (name, scenario) => {
  const { wrong } = await playLie({ name, scenario }, world)
  expect(wrong).toEqual([])
}, 120_000)
