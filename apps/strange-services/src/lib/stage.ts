import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Server, ServerName } from '@lameduck/servers'
import type { Redis } from 'ioredis'
import { ask, type Answer, type Question } from './ask.ts'
import type { KafkaView } from './kafka-view.ts'
import { describeMishap, type Mishap } from './mishap.ts'
import { accountsOf, type Performance } from './performance.ts'
import { startService, type Around, type RunningService } from './running-service.ts'
import type { Ledger, Scenario } from './scenario.ts'
import { openUpstream, type Respond, type Upstream } from './upstream.ts'
import { openWays, ownWays, type Damage } from './ways.ts'
import type { World } from './world.ts'

/** What a scenario has: a service of its own, and the servers as somebody outside sees them. */
export interface Stage {
  /** For the names of topics, groups and keys; no other run has it. */
  readonly id: string
  /** A folder of this run's own. */
  readonly folder: string
  /** A query in the schema in which the service works. Returns the rows. */
  readonly sql: (text: string, parameters?: readonly unknown[]) => Promise<Record<string, unknown>[]>
  /** The values of one column. */
  readonly column: (text: string, parameters?: readonly unknown[]) => Promise<string[]>
  readonly redis: Redis
  readonly kafka: KafkaView
  /** Starts the service; it has DATABASE_URL, REDIS_URL, KAFKA_BROKERS, ID, FOLDER and GRACE_MS in its environment. */
  readonly start: (env?: Readonly<Record<string, string>>) => Promise<RunningService>
  /** Asks the service. A request that it took and did not answer is lost, whatever the scenario's own ledger says. */
  readonly ask: (path: string, options?: Omit<Question, 'port' | 'path'>) => Promise<Answer>
  /** A server that the service calls; it closes with the stage. @default answers 200 */
  readonly upstream: (respond?: Respond) => Promise<Upstream>
  readonly break: (server: ServerName, damage: Damage) => Promise<void>
}

export interface RunOptions {
  readonly name: string
  readonly scenario: Scenario
  readonly world: World
  /** @default nothing breaks */
  readonly mishap?: Mishap
  /** Servers of the run's own, that are broken themselves. @default links to them are */
  readonly servers?: ReadonlyMap<ServerName, Server> | undefined
  /** The service leaves at once, and says that all was well. @default false */
  readonly lies?: boolean
}

const services = fileURLToPath(new URL('../../src/services/', import.meta.url))
const built = fileURLToPath(new URL('../../dist/services/', import.meta.url))

/** How long a scenario may take beside the grace period. */
const playLimitMs = 25_000

/** Plays one scenario, and returns what became of the service's work. */
export async function runScenario({ name, scenario, world, mishap, servers, lies = false }: RunOptions): Promise<Performance> {
  const { graceMs = mishap ? 6_000 : 15_000, uses, breaks = false } = scenario
  const id = `${name}-${randomBytes(3).toString('hex')}`
  const schema = id.replaceAll('-', '_')
  const ways = !breaks && !mishap ? undefined : servers ? ownWays(servers) : await openWays(uses, world.urls)
  const folder = await mkdtemp(join(tmpdir(), 'lameduck-strange-'))
  const answers: [string, Answer][] = []
  const upstreams: Upstream[] = []
  let service: RunningService | undefined

  const database = new URL(world.urls.postgres)
  database.searchParams.set('options', `-c search_path=${schema}`)
  const environment = {
    DATABASE_URL: database.href,
    REDIS_URL: world.urls.redis,
    KAFKA_BROKERS: world.urls.kafka,
    KAFKAJS_NO_PARTITIONER_WARNING: '1',
    ID: id,
    FOLDER: folder,
    GRACE_MS: String(graceMs),
    ...(ways ? { STRANGE_DETOURS: JSON.stringify(ways.detours) } : {}),
    ...(lies ? { STRANGE_LIES: '1' } : {}),
  }
  const around: Around = async (send) => {
    if (!mishap || !ways) return send()
    const { server, damage, atMs, forMs } = mishap
    const harm = async (): Promise<void> => {
      await ways.break(server, damage)
      if (forMs !== undefined) setTimeout(() => void ways.thaw(server), forMs)
    }
    if (atMs > 0) setTimeout(() => void harm(), atMs)
    else await harm()
    if (atMs < 0) await new Promise((resolve) => setTimeout(resolve, -atMs))
    send()
  }
  const sql: Stage['sql'] = async (text, parameters = []) => {
    const client = await world.pool.connect()
    try {
      await client.query(`SET search_path TO "${schema}"`)
      return (await client.query(text, [...parameters])).rows as Record<string, unknown>[]
    } finally {
      client.release()
    }
  }
  const stage: Stage = {
    id,
    folder,
    sql,
    column: async (text, parameters) => (await sql(text, parameters)).map((row) => String(Object.values(row)[0])),
    redis: world.redis,
    kafka: world.kafka,
    async start(env = {}) {
      service = await startService({ file: programOf(name), env: { ...environment, ...env }, graceMs, around, afterwards: async () => ways?.mend() })
      return service
    },
    async ask(path, options = {}) {
      const answer = await ask({ port: service?.port ?? 0, path, ...options })
      answers.push([`${options.method ?? 'GET'} ${path} #${answers.length + 1}`, answer])
      return answer
    },
    async upstream(respond) {
      const upstream = await openUpstream(respond)
      upstreams.push(upstream)
      return upstream
    },
    break: async (server, damage) => ways?.break(server, damage),
  }

  try {
    if (uses.includes('postgres')) await world.pool.query(`CREATE SCHEMA "${schema}"`)
    const ledger = await inTime(scenario.play(stage), graceMs + playLimitMs, () => service)
    if (!service?.ending) throw new Error('the scenario has not stopped its service')
    return performanceOf(service, withAnswers(ledger, answers), graceMs, mishap)
  } finally {
    await service?.kill()
    await Promise.all([...upstreams, ...(ways ? [ways] : [])].map(async (each) => each.close()))
    await rm(folder, { recursive: true, force: true })
    if (uses.includes('postgres')) await world.pool.query(`SET lock_timeout = '2s'; DROP SCHEMA IF EXISTS "${schema}" CASCADE`).catch(() => {})
  }
}

async function inTime<T>(playing: Promise<T>, limitMs: number, service: () => RunningService | undefined): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`the scenario was not over after ${limitMs} ms; the service wrote\n${[...(service()?.stdout ?? []), ...(service()?.stderr ?? [])].join('\n')}`)), limitMs)
  })
  try {
    return await Promise.race([playing, limit])
  } finally {
    clearTimeout(timer)
  }
}

function performanceOf(service: RunningService, ledger: Ledger, graceMs: number, mishap: Mishap | undefined): Performance {
  const { stdout, stderr, report, tookMs, beforeStop } = service
  const gaveUp = beforeStop.flatMap((line) => (line.startsWith('gave up ') ? [String(line.split(' ')[2])] : []))
  return {
    accounts: accountsOf(ledger, new Set(gaveUp)),
    report,
    ending: service.ending ?? { code: null, signal: null },
    tookMs,
    graceMs,
    stdout,
    stderr,
    mishap: mishap ? describeMishap(mishap) : '',
  }
}

function withAnswers({ accepted, done, kept = [] }: Ledger, answers: readonly [string, Answer][]): Ledger {
  const taken = answers.filter(([, { isTaken }]) => isTaken)
  return { accepted: [...accepted, ...taken.map(([id]) => id)], done: [...done, ...taken.filter(([, { status }]) => status > 0).map(([id]) => id)], kept }
}

/** A service is JavaScript as it stands, of either kind of module, or TypeScript, which was built. */
function programOf(name: string): string {
  const candidates = [join(services, name, 'service.mjs'), join(services, name, 'service.cjs'), join(built, name, 'service.js')]
  const found = candidates.find((file) => existsSync(file))
  if (found === undefined) throw new Error(`${name} has no service: none of ${candidates.join(', ')} is there`)
  return found
}
