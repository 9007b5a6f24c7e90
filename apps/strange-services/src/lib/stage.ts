import type { Server, ServerName } from '@lameduck/servers'
import type { Redis } from 'ioredis'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ask, type Answer, type Question } from './ask.ts'
import type { KafkaView } from './kafka-view.ts'
import { harmAround, type Mishap } from './mishap.ts'
import { programOf } from './program-of.ts'
import { startService, type RunningService } from './running-service.ts'
import type { Scenario } from './scenario.ts'
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
  /** Breaks a server for this service; for a scenario that `breaks`. */
  readonly break: (server: ServerName, damage: Damage) => Promise<void>
}

export interface StageOptions {
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

/** A stage, and what is known behind it. */
export interface SetStage {
  readonly stage: Stage
  readonly service: () => RunningService | undefined
  /** What became of each request, by an id. */
  readonly answers: readonly (readonly [id: string, answer: Answer])[]
  readonly graceMs: number
  readonly clear: () => Promise<void>
}

export async function setStage({ name, scenario, world, mishap, servers, lies = false }: StageOptions): Promise<SetStage> {
  const { graceMs = mishap ? 6_000 : 15_000, uses, breaks = false } = scenario
  const { urls, pool, redis, kafka } = world
  const id = `${name}-${randomBytes(3).toString('hex')}`
  const schema = id.replaceAll('-', '_')
  const hasSchema = uses.includes('postgres')
  const ways = !breaks && !mishap ? undefined : servers ? ownWays(servers) : await openWays(uses, urls)
  const folder = await mkdtemp(join(tmpdir(), 'lameduck-strange-'))
  if (hasSchema) await pool.query(`CREATE SCHEMA "${schema}"`)
  const answers: [string, Answer][] = []
  const upstreams: Upstream[] = []
  let service: RunningService | undefined

  const database = new URL(urls.postgres)
  database.searchParams.set('options', `-c search_path=${schema}`)
  const environment = {
    DATABASE_URL: database.href,
    REDIS_URL: urls.redis,
    KAFKA_BROKERS: urls.kafka,
    KAFKAJS_NO_PARTITIONER_WARNING: '1',
    ID: id,
    FOLDER: folder,
    GRACE_MS: String(graceMs),
    ...(ways ? { STRANGE_DETOURS: JSON.stringify(ways.detours) } : {}),
    ...(lies ? { STRANGE_LIES: '1' } : {}),
  }
  const stage: Stage = {
    id,
    folder,
    sql,
    column: async (text, parameters) => (await sql(text, parameters)).map((row) => String(Object.values(row)[0])),
    redis,
    kafka,
    async start(env = {}) {
      const harm = mishap && ways ? { around: harmAround(mishap, ways) } : {}
      service = await startService({ file: programOf(name), env: { ...environment, ...env }, graceMs, afterwards, ...harm })
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
  return { stage, service: () => service, answers, graceMs, clear }

  async function afterwards(): Promise<void> {
    await ways?.mend()
    if (servers) await kafka.reconnect()
  }

  async function sql(text: string, parameters: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
    const client = await pool.connect()
    try {
      await client.query(`SET search_path TO "${schema}"`)
      return (await client.query(text, [...parameters])).rows as Record<string, unknown>[]
    } finally {
      client.release()
    }
  }

  async function clear(): Promise<void> {
    await service?.kill()
    await Promise.all([...upstreams, ...(ways ? [ways] : [])].map(async (each) => each.close()))
    await rm(folder, { recursive: true, force: true })
    // A query that the service has left behind may still hold a table.
    if (hasSchema) await pool.query(`SET lock_timeout = '2s'; DROP SCHEMA IF EXISTS "${schema}" CASCADE`).catch(() => {})
  }
}
