/** The part of ioredis' `Redis` and `Cluster` that is needed here; there is no dependency on ioredis itself. */
export interface RedisClient {
  /** `wait` · `connecting` · `connect` · `ready` · `reconnecting` · `disconnecting` · `close` · `end` · `monitoring` */
  readonly status: string
  readonly options: object
  call(command: string, ...args: string[]): Promise<unknown>
  connect(): Promise<unknown>
  ping(): Promise<unknown>
  quit(): Promise<unknown>
  disconnect(reconnect?: boolean): void
  on(event: string, listener: (...args: unknown[]) => void): unknown
  off(event: string, listener: (...args: unknown[]) => void): unknown
  /** Only of a `Cluster`: its connections, one for each node. */
  nodes?(role?: 'all' | 'master' | 'slave'): readonly RedisClient[]
}

/** What is needed of one connection, to open another one to the same server. */
export interface RedisConnection extends RedisClient {
  duplicate(override: object): RedisClient
}
