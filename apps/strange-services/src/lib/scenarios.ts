import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Scenario } from './scenario.ts'

const folder = new URL('../services/', import.meta.url)
const file = import.meta.url.endsWith('.ts') ? 'scenario.ts' : 'scenario.js'

/** Every folder of `services` that has a scenario, by its name. */
export async function allScenarios(): Promise<ReadonlyMap<string, Scenario>> {
  const names = readdirSync(fileURLToPath(folder)).filter((name) => existsSync(new URL(`${name}/${file}`, folder)))
  return new Map(await Promise.all(names.toSorted().map(async (name): Promise<[string, Scenario]> => [name, await scenarioIn(name)])))
}

async function scenarioIn(name: string): Promise<Scenario> {
  const { scenario } = (await import(new URL(`${name}/${file}`, folder).href)) as { readonly scenario?: Scenario }
  if (scenario === undefined) throw new Error(`services/${name}/${file} must export "scenario"`)
  return scenario
}
