import type { PgClientLike } from './pg-types.ts'

/**
 * What is read from Knex and from tarn, its pool, without being promised by their documentation; each read is a feature
 * test. Read in Knex 2.0 to 3.3 and tarn 3.0 to 3.1.
 */

/** `knex.client`, of a dialect that speaks through pg. */
export interface KnexClient {
  readonly pool: TarnPool
  acquireConnection: () => Promise<PgClientLike>
  driver: object & { readonly Client: ClientConstructor }
}

/** An entry of the queue of those who wait for a connection. */
export interface PendingAcquire {
  readonly promise: Promise<PgClientLike>
  reject(error: Error): void
}

export interface TarnPool {
  readonly max: number
  readonly destroyed: boolean
  readonly used: readonly { readonly resource: PgClientLike }[]
  readonly free: readonly { readonly resource: PgClientLike }[]
  readonly pendingAcquires: PendingAcquire[]
  /** Connections that are being opened, each for one of those who wait; that one may have given up. */
  readonly pendingCreates: readonly unknown[]
  acquire: () => PendingAcquire
  /** False for a client that is not in use. */
  release(client: PgClientLike): boolean
  destroy(): Promise<unknown>
  on(event: string, listener: (...values: never[]) => void): unknown
}

type ClientConstructor = new (...values: never[]) => PgClientLike

/** `undefined` for what is no Knex over pg with a pool of its own. */
export function knexClientOf(knex: unknown): KnexClient | undefined {
  const client = field(knex, 'client')
  const pool = field(client, 'pool')
  const hasPool = ['used', 'free', 'pendingAcquires', 'pendingCreates'].every((name) => Array.isArray(field(pool, name))) && hasMethods(pool, ['acquire', 'release', 'destroy', 'on'])
  const prototype = field(field(field(client, 'driver'), 'Client'), 'prototype')
  if (!hasPool || !hasMethods(client, ['acquireConnection']) || !hasMethods(prototype, ['connect', 'query', 'end'])) return undefined
  return client as KnexClient
}

/** Lets `onMade` see every client that Knex makes from now on, before it connects: the pool knows only those that are ready. */
export function watchClients(client: KnexClient, onMade: (made: PgClientLike) => void): void {
  const { driver } = client
  const Watched = new Proxy(driver.Client, {
    construct(target, values, newTarget) {
      const made = Reflect.construct(target, values, newTarget) as PgClientLike
      onMade(made)
      return made
    },
  })
  // Of this one Knex: the driver itself is the module that all others use.
  client.driver = Object.create(driver, { Client: { value: Watched } }) as KnexClient['driver']
}

/** So that Knex closes the client instead of lending it again. */
export function markUnusable(client: PgClientLike, why: string): void {
  Reflect.set(client, '__knex__disposed', new Error(why))
}

function hasMethods(value: unknown, names: readonly string[]): boolean {
  return names.every((name) => typeof field(value, name) === 'function')
}

function field(object: unknown, name: string): unknown {
  return (typeof object === 'object' && object !== null) || typeof object === 'function' ? (Reflect.get(object, name) as unknown) : undefined
}
