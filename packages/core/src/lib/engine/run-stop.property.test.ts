import fc from 'fast-check'
import { test } from 'vitest'
import { sortOut } from '../../../test/properties/happened.ts'
import { live } from '../../../test/properties/live.ts'
import { broken } from '../../../test/properties/properties.ts'
import { world } from '../../../test/properties/world.ts'
import { createLifecycle } from './create-lifecycle.ts'

const runs = Number(process.env['LAMEDUCK_WORLDS'] ?? 4_000)

// Whatever the graph, the budget and the behaviour. When it fails, fast-check prints the seed and the path of the
// smallest world that it found: put both into the options below to live through it again.
test(`every property holds in ${runs} random worlds`, { timeout: 60_000 + runs * 15 }, async () => {
  const everything = fc.asyncProperty(world, async (random) => {
    const failures = broken(sortOut(await live(random, createLifecycle), random))
    if (failures.length > 0) throw new Error(failures.map(({ property, what }) => `"${property}" does not hold: ${what}`).join('\n'))
  })
  await fc.assert(everything, { numRuns: runs })
})
