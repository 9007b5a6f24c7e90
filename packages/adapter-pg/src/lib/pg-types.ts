/**
 * The subset of `pg.Client` that this package needs. Optional, here and below, is what every supported pg has but `@types/pg` 8.11.0
 * does not know.
 */
export interface PgClientLike {
  query(text: string): Promise<unknown>
  end?(): Promise<void>
  addListener<A extends unknown[]>(event: string, listener: (...values: A) => void): unknown
  removeListener<A extends unknown[]>(event: string, listener: (...values: A) => void): unknown
  listenerCount(event: string): number
}

/** The subset of a client checked out of a `pg.Pool` that this package needs. */
export interface PgPoolClientLike extends PgClientLike {
  release(error?: Error | boolean): void
}

/** The subset of `pg.Pool` that this package needs. */
export interface PgPoolLike {
  /** Connections that exist or are being opened. */
  readonly totalCount: number
  readonly idleCount: number
  /** Callers that wait for a connection. */
  readonly waitingCount: number
  readonly ending?: boolean
  readonly options?: { readonly max?: number; readonly connectionTimeoutMillis?: number | undefined }
  connect(): Promise<PgPoolClientLike>
  end(): Promise<void>
  addListener<A extends unknown[]>(event: string, listener: (...values: A) => void): unknown
  removeListener<A extends unknown[]>(event: string, listener: (...values: A) => void): unknown
  listenerCount(event: string): number
}

export function isPooledClient(client: PgClientLike): client is PgPoolClientLike {
  return 'release' in client && typeof client.release === 'function'
}
