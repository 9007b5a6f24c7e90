import type { ServerName } from '@lameduck/servers'
import { pick, randomFrom } from './random.ts'
import type { Around } from './running-service.ts'
import type { Scenario } from './scenario.ts'
import type { Damage, Ways } from './ways.ts'

/** What happens to one server around the signal. */
export interface Mishap {
  readonly server: ServerName
  readonly damage: Damage
  /** When, in ms after the signal; before it where that is negative. */
  readonly atMs: number
  /** How long a frozen server stands still. @default for good */
  readonly forMs?: number
}

export function describeMishap({ server, damage, atMs, forMs }: Mishap): string {
  const when = atMs < 0 ? `${-atMs} ms before the signal` : `${atMs} ms after the signal`
  return `${server} ${damage === 'kill' ? 'killed' : 'frozen'} ${when}${forMs === undefined ? '' : ` for ${forMs} ms`}`
}

/** Lets it happen around the signal; what has not happened when the process has ended does not happen any more. */
export function harmAround({ server, damage, atMs, forMs }: Mishap, ways: Ways): Around {
  return async (send, ended) => {
    const timers = new Set<NodeJS.Timeout>()
    const later = (ms: number, action: () => Promise<void>): void => void timers.add(setTimeout(() => void action(), ms))
    const harm = async (): Promise<void> => {
      await ways.break(server, damage)
      if (forMs !== undefined) later(forMs, () => ways.thaw(server))
    }
    void ended.then(() => timers.forEach((timer) => clearTimeout(timer)))
    if (atMs > 0) later(atMs, harm)
    else await harm()
    if (atMs < 0) await new Promise((resolve) => setTimeout(resolve, -atMs))
    send()
  }
}

/** `rounds` scenarios and what happens to each, the same for the same seed. */
export function planMishaps(scenarios: ReadonlyMap<string, Scenario>, rounds: number, seed: number): [name: string, mishap: Mishap][] {
  const random = randomFrom(seed)
  const breakable = [...scenarios].filter(([, { uses, breaks = false, unknowable }]) => uses.length > 0 && !breaks && unknowable === undefined).toSorted(([a], [b]) => (a < b ? -1 : 1))
  let left: typeof breakable = []
  return Array.from({ length: breakable.length === 0 ? 0 : rounds }, () => {
    // Each has its turn before one comes again.
    if (left.length === 0) left = [...breakable]
    const [name, { uses }] = left.splice(Math.floor(random() * left.length), 1)[0] as (typeof breakable)[number]
    const server = pick(random, uses)
    const damage = pick(random, ['freeze', 'freeze', 'kill'] as const)
    const atMs = Math.round(random() * 600) - 250
    const isShort = damage === 'freeze' && random() < 0.4
    return [name, { server, damage, atMs, ...(isShort ? { forMs: 100 + Math.round(random() * 1_500) } : {}) }]
  })
}
