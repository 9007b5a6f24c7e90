import { setTimeout as delay } from 'node:timers/promises'
import type { TcpLink } from '@lameduck/conformance'
import { pick, type OwnServers, type Random } from '@lameduck/strange-services'
import type { Replica } from './replica.ts'

export interface FaultContext {
  readonly random: Random
  readonly servers: OwnServers['servers']
  /** Every connection of the service to PostgreSQL goes over it. */
  readonly link: TcpLink
  readonly replicas: () => readonly Replica[]
  /** One is killed and replaced. */
  readonly killOne: () => Promise<void>
}

export interface Faults {
  /** How often each has happened. */
  readonly counts: Readonly<Record<string, number>>
  readonly end: () => Promise<void>
}

/** One after the other at random times, 4 to 14 s apart. */
export function startFaults(context: FaultContext): Faults {
  const { random } = context
  const counts: Record<string, number> = {}
  const stop = new AbortController()
  const running = (async () => {
    while (!stop.signal.aborted) {
      await delay(4_000 + random() * 10_000, undefined, { signal: stop.signal }).catch(() => {})
      if (stop.signal.aborted) return
      const name = pick(random, ['kill -9', 'SIGSTOP of a server', 'SIGSTOP of a server', 'slow network', 'clock step', 'memory pressure'] as const)
      counts[name] = (counts[name] ?? 0) + 1
      await happen(name, context)
    }
  })()
  return {
    counts,
    async end() {
      stop.abort()
      await running
    },
  }
}

async function happen(name: string, { random, servers, link, replicas, killOne }: FaultContext): Promise<void> {
  const one = pick(random, replicas())
  switch (name) {
    case 'kill -9':
      return killOne()
    case 'SIGSTOP of a server': {
      const server = servers.get(pick(random, ['postgres', 'redis', 'kafka'] as const))
      await server?.freeze()
      await delay(500 + random() * 2_500)
      return server?.thaw()
    }
    case 'slow network':
      for (let left = 20; left > 0; left -= 1) {
        link.freeze()
        await delay(20 + random() * 150)
        link.thaw()
        await delay(30)
      }
      return undefined
    case 'clock step':
      return one?.tell(`clock ${Math.round((random() - 0.5) * 7_200_000)}`)
    default:
      return one?.tell('memory')
  }
}
