import type { PolicyOptions } from '@lameduck/core'
import { ConfigError } from './config-error.ts'

export const frameworks = ['express', 'fastify', 'nest'] as const
export type Framework = (typeof frameworks)[number]

/** `lameduck`, or the shutdown helper that teams copy from service to service. */
export const helpers = ['lameduck', 'baseline'] as const
export type Helper = (typeof helpers)[number]

/** Everything that the service is told from outside. A part whose address is missing is left out. */
export interface Config {
  /** Port of the API; 0 takes a free one. @default 8080 */
  readonly port: number
  /** Port of `/livez` and `/readyz`. @default 9090 */
  readonly probePort: number
  /** Without it the orders live in memory and nothing is shipped. */
  readonly databaseUrl: string | undefined
  /** Without it every read goes to the store. */
  readonly redisUrl: string | undefined
  /** Without any, no events are published and nothing is shipped. */
  readonly kafkaBrokers: readonly string[]
  /** Schema, topic, consumer group and cache keys carry it, so that two variants run beside each other. @default 'orders' */
  readonly prefix: string
  /** What shipping one order takes, in ms. @default 10 */
  readonly shippingMs: number
  /** Longest that the copied helper waits before it gives up, in ms. @default 10000 */
  readonly helperTimeoutMs: number
  readonly policy: PolicyOptions
}

/** The names of what one prefix owns. */
export interface Names {
  readonly schema: string
  readonly topic: string
  readonly group: string
  readonly cachePrefix: string
}

export function namesFor(prefix: string): Names {
  return { schema: prefix, topic: `${prefix}.placed`, group: `${prefix}.shipping`, cachePrefix: `${prefix}:` }
}

/**
 * Reads PORT, PROBE_PORT, DATABASE_URL, REDIS_URL, KAFKA_BROKERS (comma-separated), PREFIX, SHIPPING_MS,
 * HELPER_TIMEOUT_MS and, for the policy, GRACE_MS, PRE_STOP_MS, MARGIN_MS, LAME_DUCK_MIN_MS, LAME_DUCK_QUIET_MS
 * and LAME_DUCK_MAX_MS. Empty counts as missing.
 *
 * @throws ConfigError that names the variable and its value.
 */
export function configFrom(env: NodeJS.ProcessEnv): Config {
  const prefix = textFrom(env, 'PREFIX') ?? 'orders'
  if (!/^[a-z][a-z0-9_]{0,40}$/.test(prefix)) {
    throw new ConfigError(`PREFIX must be small letters, digits and _, beginning with a letter; it is "${prefix}"`)
  }
  return {
    port: numberFrom(env, 'PORT', 65_535) ?? 8080,
    probePort: numberFrom(env, 'PROBE_PORT', 65_535) ?? 9090,
    databaseUrl: textFrom(env, 'DATABASE_URL'),
    redisUrl: textFrom(env, 'REDIS_URL'),
    kafkaBrokers: (textFrom(env, 'KAFKA_BROKERS') ?? '').split(',').filter((broker) => broker !== ''),
    prefix,
    shippingMs: numberFrom(env, 'SHIPPING_MS') ?? 10,
    helperTimeoutMs: numberFrom(env, 'HELPER_TIMEOUT_MS') ?? 10_000,
    policy: policyFrom(env),
  }
}

function policyFrom(env: NodeJS.ProcessEnv): PolicyOptions {
  return present({
    graceMs: numberFrom(env, 'GRACE_MS'),
    preStopMs: numberFrom(env, 'PRE_STOP_MS'),
    marginMs: numberFrom(env, 'MARGIN_MS'),
    lameDuck: present({
      minMs: numberFrom(env, 'LAME_DUCK_MIN_MS'),
      quietMs: numberFrom(env, 'LAME_DUCK_QUIET_MS'),
      maxMs: numberFrom(env, 'LAME_DUCK_MAX_MS'),
    }),
  })
}

/** Without the keys that have no value, so that the defaults apply to them. */
function present<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> }
}

function textFrom(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const text = env[name]?.trim()
  return text === '' ? undefined : text
}

function numberFrom(env: NodeJS.ProcessEnv, name: string, most: number = 3_600_000): number | undefined {
  const text = textFrom(env, name)
  if (text === undefined) return undefined
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0 || value > most) {
    throw new ConfigError(`${name} must be a whole number from 0 to ${most}; it is "${text}"`)
  }
  return value
}
