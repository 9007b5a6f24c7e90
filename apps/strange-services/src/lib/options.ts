import { parseArgs } from 'node:util'
import { kinds } from './kinds.ts'
import { planMishaps } from './mishap.ts'
import type { Round } from './rounds.ts'
import type { Scenario } from './scenario.ts'

export const usage: string = `usage: npm run strange -- [names of services] [options]

  --kind <kind>     only the services of this kind, see --list
  --rounds <n>      so many rounds, in each of which a server is frozen or killed around the signal
  --seed <n>        which rounds these are; the same for the same seed (default: one by chance, which is printed)
  --own-servers     servers of its own, that get SIGSTOP and SIGKILL themselves, one round after the other;
                    else it is the ways to them that are frozen and cut
  --lies            every service leaves at once and says that all was well; each must be caught
  --at-once <n>     how many services run side by side (default 4)
  --list            which service shows which kind of fault`

export class UsageError extends Error {}

export interface Options {
  readonly rounds: readonly Round[]
  readonly atOnce: number
  readonly isList: boolean
  readonly isOnOwnServers: boolean
  /** Of the random mishaps, where there are any. */
  readonly seed: number | undefined
}

/** @throws UsageError */
export function parseOptions(parameters: readonly string[], all: ReadonlyMap<string, Scenario>): Options {
  const { values, positionals } = parse(parameters)
  const wanted = [...all].filter(([name, { kind }]) => (positionals.length === 0 || positionals.includes(name)) && (values.kind === undefined || values.kind === kind))
  const unknown = positionals.find((name) => !all.has(name))
  if (unknown !== undefined) throw new UsageError(`there is no service ${unknown}; there are ${[...all.keys()].join(', ')}`)
  if (values.kind !== undefined && !(values.kind in kinds)) throw new UsageError(`there is no kind ${values.kind}; there are ${Object.keys(kinds).join(', ')}`)
  const isOnOwnServers = values['own-servers'] ?? false
  const atOnce = whole(values['at-once'] ?? '4', '--at-once')
  if (values.rounds === undefined) {
    const { lies = false } = values
    return { rounds: wanted.map(([name, scenario]) => ({ name, scenario, lies })), atOnce, isList: values.list ?? false, isOnOwnServers, seed: undefined }
  }
  const seed = values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : whole(values.seed, '--seed')
  const scenarios = new Map(wanted)
  const planned = planMishaps(scenarios, whole(values.rounds, '--rounds'), seed)
  if (planned.length === 0) throw new UsageError('none of these services uses a server that could be broken')
  return { rounds: planned.flatMap(([name, mishap]) => rounds(scenarios, name, mishap)), atOnce, isList: false, isOnOwnServers, seed }
}

function rounds(scenarios: ReadonlyMap<string, Scenario>, name: string, mishap: NonNullable<Round['mishap']>): Round[] {
  const scenario = scenarios.get(name)
  return scenario ? [{ name, scenario, mishap }] : []
}

function parse(args: readonly string[]): { values: { kind?: string; rounds?: string; seed?: string; lies?: boolean; 'at-once'?: string; list?: boolean; 'own-servers'?: boolean }; positionals: string[] } {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { kind: { type: 'string' }, rounds: { type: 'string' }, seed: { type: 'string' }, lies: { type: 'boolean' }, 'at-once': { type: 'string' }, list: { type: 'boolean' }, 'own-servers': { type: 'boolean' } },
    })
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
  }
}

function whole(text: string, option: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0) throw new UsageError(`${option} takes a whole number; it is ${text}`)
  return value
}
