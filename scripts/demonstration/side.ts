import { dropEverything, loadScript, setUp, startCommand, verdict, type Framework, type Helper, type Verdict } from '@lameduck/example'
import { setTimeout } from 'node:timers/promises'
import { rehearse, type Rehearsal, type RehearsalEvent } from '@lameduck/rehearsal'

/** What both sides share: a Pod with 15 s of grace, whose removal from the endpoints reaches the last node after 1 s. */
export const graceMs = 15_000
const propagationMs = 1_000
const lameDuck = { LAME_DUCK_MIN_MS: '2000', LAME_DUCK_QUIET_MS: '500', LAME_DUCK_MAX_MS: '4000' }

export interface ServerUrls {
  readonly databaseUrl: string | undefined
  readonly redisUrl: string | undefined
  readonly kafkaBrokers: string | undefined
}

export interface SideInput {
  readonly helper: Helper
  readonly framework: Framework
  readonly servers: ServerUrls
  /** Names the schema, the topic and the group, so that the sides do not meet. */
  readonly prefix: string
  readonly signal: AbortSignal
  readonly onEvent: (event: RehearsalEvent) => void
}

export interface Side {
  readonly rehearsal: Rehearsal
  readonly verdict: Verdict
}

/** Rehearses one rolling update of two replicas under load, and counts what became of the orders. */
export async function rehearseSide({ helper, framework, servers, prefix, signal, onEvent }: SideInput): Promise<Side> {
  const place = { databaseUrl: servers.databaseUrl, kafkaBrokers: servers.kafkaBrokers?.split(',') ?? [], prefix }
  await setUp(place)
  try {
    let counted: Verdict = { orders: undefined, events: undefined }
    const rehearsal = await rehearse({
      // The copied helper exists on Express, where most teams have it.
      command: startCommand({ framework: helper === 'baseline' ? 'express' : framework, helper }),
      env: {
        DATABASE_URL: servers.databaseUrl ?? '',
        REDIS_URL: servers.redisUrl ?? '',
        KAFKA_BROKERS: servers.kafkaBrokers ?? '',
        PREFIX: prefix,
        GRACE_MS: String(graceMs),
        ...lameDuck,
      },
      replicas: 2,
      network: { propagationMs },
      rollout: { graceMs },
      load: { fast: 30, slow: 20, script: loadScript() },
      signal,
      onEvent,
      // While the replacements still run, so that an event that is only late can still be handled.
      async afterLoad({ records }) {
        counted = await verdict({ ...place, accepted: records['accepted'] ?? [], signal })
      },
    })
    return { rehearsal, verdict: counted }
  } finally {
    await withoutFail(dropEverything(place))
  }
}

/** What cannot be dropped within 2 s (its server is gone, or frozen) must not hide why the rehearsal ended. */
async function withoutFail(dropping: Promise<void>): Promise<void> {
  const limit = new AbortController()
  await Promise.race([dropping.catch(() => {}), setTimeout(2_000, undefined, { signal: limit.signal })])
  limit.abort()
}
