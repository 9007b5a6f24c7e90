import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { createLifecycle } from '../../src/lib/engine/create-lifecycle.ts'
import { sortOut } from './happened.ts'
import { live } from './live.ts'
import { mutants, type Mutant } from './mutants.ts'
import { broken, properties, type PropertyName } from './properties.ts'
import { world } from './world.ts'

const library = fileURLToPath(new URL('../../src/lib', import.meta.url))
// Always the same, so that a mutant that is caught today is caught tomorrow.
const worlds = fc.sample(world, { seed: 20, numRuns: 8_000 })

let folder: string
beforeAll(async () => {
  // Beside the sources and not in the system's temporary folder: the runner transforms nothing outside of the package.
  folder = await mkdtemp(fileURLToPath(new URL('../.mutants-', import.meta.url)))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('a copy without a bug breaks no property', async () => {
  const create = await copyOf('control', undefined)
  for (const each of worlds.slice(0, 300)) expect(broken(sortOut(await live(each, create), each))).toEqual([])
})

describe.each(Object.keys(properties) as PropertyName[])('"%s" does not hold when', (property) => {
  test.each(mutants[property])('$bug', { timeout: 120_000 }, async (mutant) => {
    const create = await copyOf(`${property} ${mutant.bug}`.replaceAll(/\W+/g, '-'), mutant)
    for (const each of worlds) {
      if (broken(sortOut(await live(each, create), each)).some((found) => found.property === property)) return
    }
    expect.unreachable(`no world of ${worlds.length} shows it`)
  })
})

async function copyOf(name: string, mutant: Mutant | undefined): Promise<typeof createLifecycle> {
  const copy = join(folder, name)
  await cp(library, copy, { recursive: true, filter: (source) => !source.endsWith('.test.ts') })
  if (mutant) {
    const file = join(copy, 'engine', mutant.file)
    const parts = (await readFile(file, 'utf8')).split(mutant.find)
    expect(parts, `"${mutant.find}" must occur once in ${mutant.file}`).toHaveLength(2)
    await writeFile(file, parts.join(mutant.replace))
  }
  const module = (await import(/* @vite-ignore */ join(copy, 'engine', 'create-lifecycle.ts'))) as { createLifecycle: typeof createLifecycle }
  return module.createLifecycle
}
