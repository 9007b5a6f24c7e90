import { setTimeout as delay } from 'node:timers/promises'
import type { Report } from '@lameduck/core'
import type { Server, ServerName } from '@lameduck/servers'
import { Redis } from 'ioredis'
import { namesFor } from '../src/lib/config.ts'
import type { Order } from '../src/lib/order.ts'
import { aftermath, type Aftermath } from './aftermath.ts'
import { ownPlaces } from './places.ts'
import { spawnService } from './running-service.ts'
import { startLoad, type Answer } from './start-load.ts'
import { startPushing } from './start-pushing.ts'

/** What happens to one of the servers at the moment of the signal. */
export type Mishap = { readonly how: 'freeze' | 'kill'; readonly server: ServerName } | undefined

export interface Run {
  readonly exit: { readonly code: number | null; readonly signal: NodeJS.Signals | null }
  /** From the signal to the end of the process, in ms. */
  readonly tookMs: number
  readonly stderr: string
  /** There is none of the copied helper. */
  readonly report: Report | undefined
  readonly answers: readonly Answer[]
  readonly queue: { readonly pushed: readonly string[]; readonly consumed: readonly string[]; readonly left: readonly string[] }
  /** The counter in Redis, afterwards. */
  readonly hits: number
  /** Counted when the frozen server has been thawed, or the killed one started again. */
  readonly after: Aftermath
}

export interface RunOptions {
  readonly servers: Readonly<Record<ServerName, Server>>
  readonly mishap: Mishap
  /** After so many ms the process is killed, as kubelet does. */
  readonly graceMs: number
  /** @default the service with everything, test/fixtures/everything.mjs */
  readonly program?: Program
}

/** A way to run the service, and what can be asked of it. */
export interface Program {
  readonly command: Parameters<typeof spawnService>[0]
  readonly paths: readonly string[]
  /** Takes free ports by itself, and tells them. */
  readonly tellsPorts: boolean
}

const everything: Program = {
  command: [process.execPath, new URL('fixtures/everything.mjs', import.meta.url).pathname],
  paths: ['/orders', '/hits'],
  tellsPorts: true,
}
/** The control. Its service has no counter and no queue, and it writes no report. */
export const copiedHelper: Program = { command: { framework: 'express', helper: 'baseline' }, paths: ['/orders'], tellsPorts: false }

/** How many answers of each kind there must be before the signal. */
const warm = 30

/** With so many events left to handle at the signal, some are in hand. */
const slow = { shippingMs: 100, backlog: 10 }
/** Many are handled of one batch, which kafkajs commits at its end. */
const fast = { shippingMs: 10, backlog: 0 }

const goodStatus: Readonly<Record<string, number>> = { '/orders': 201, '/hits': 200 }

/**
 * Puts one service under load, lets the mishap happen, ends the service in the same moment, and counts in the real servers what
 * became of everything that it had accepted.
 */
export async function runEverything({ servers, mishap, graceMs, program = everything }: RunOptions): Promise<Run> {
  const { command, paths } = program
  const { shippingMs, backlog } = mishap?.server === 'kafka' ? fast : slow
  const { prefix } = ownPlaces()
  const places = { databaseUrl: servers.postgres.url, kafkaBrokers: servers.kafka.url.split(','), prefix }
  const service = await spawnService(command, {
    DATABASE_URL: servers.postgres.url,
    REDIS_URL: servers.redis.url,
    KAFKA_BROKERS: servers.kafka.url,
    PREFIX: prefix,
    SHIPPING_MS: String(shippingMs),
    ...(program.tellsPorts ? { PORT: '0', PROBE_PORT: '0' } : {}),
    GRACE_MS: String(graceMs),
    LAME_DUCK_MIN_MS: '200',
    LAME_DUCK_QUIET_MS: '100',
    LAME_DUCK_MAX_MS: '400',
    HELPER_TIMEOUT_MS: String(graceMs / 2),
  })
  await service.ready
  const said = service.lines.find((line) => line.startsWith('orders: ready')) ?? ''
  const [, url = service.url, probeUrl = service.probeUrl] = /ready on (\S+), probes on (\S+)$/.exec(said) ?? []
  const load = startLoad({ url, probeUrl, paths })
  const pusher = startPushing(servers.redis.url, `${namesFor(prefix).cachePrefix}queue`)
  const endedEarly = service.exit.then(({ code, signal }) => Promise.reject(new Error(`ended with ${code ?? signal} before the signal:\n${service.stderr()}`)))
  endedEarly.catch(() => {})
  const until = async (isDone: () => boolean): Promise<void> => {
    while (!isDone()) await Promise.race([delay(5), endedEarly])
  }
  await until(() => paths.every((path) => load.count(path, goodStatus[path] ?? 200) >= warm) && load.count('/orders', 201) - linesOf(service, 'shipped') >= backlog)
  // The mishap finds an event in hand that has just begun, not the moment between two batches.
  const begun = linesOf(service, 'shipping')
  if (program === everything) await until(() => linesOf(service, 'shipping') > begun)

  if (mishap) await servers[mishap.server][mishap.how]()
  const signalledAt = performance.now()
  service.kill('SIGTERM')
  const kubelet = setTimeout(() => service.kill('SIGKILL'), graceMs)
  const exit = await service.exit
  const tookMs = performance.now() - signalledAt
  clearTimeout(kubelet)
  await load.over

  if (mishap) await servers[mishap.server][mishap.how === 'freeze' ? 'thaw' : 'restart']()
  const left = await pusher.stop()
  const accepted = load.answers.filter(({ path, status }) => path === '/orders' && status === 201).map(({ body }) => (JSON.parse(body) as Order).id)
  return {
    exit,
    tookMs,
    stderr: service.stderr(),
    report: program === copiedHelper ? undefined : service.report(),
    answers: load.answers,
    queue: { pushed: pusher.pushed, consumed: consumedIn(service.lines), left },
    hits: await hitsIn(servers.redis.url, `${namesFor(prefix).cachePrefix}hits`),
    after: await aftermath({ ...places, accepted }),
  }
}

function linesOf({ lines }: { readonly lines: readonly string[] }, text: string): number {
  return lines.filter((line) => line === text).length
}

function consumedIn(lines: readonly string[]): string[] {
  const said = 'consumed '
  return lines.filter((line) => line.startsWith(said)).map((line) => line.slice(said.length))
}

async function hitsIn(redisUrl: string, key: string): Promise<number> {
  const redis = new Redis(redisUrl)
  try {
    return Number((await redis.get(key)) ?? 0)
  } finally {
    redis.disconnect()
  }
}
