/** A connection that is free to tell the server something about another one. */
export interface RedisCommandClient {
  call(command: string, ...args: string[]): Promise<unknown>
}

/** The part of ioredis' `Redis` and `Cluster` that is needed here; there is no dependency on ioredis itself. */
export interface RedisClient extends RedisCommandClient {
  /** `wait` · `connecting` · `connect` · `ready` · `reconnecting` · `disconnecting` · `close` · `end` · `monitoring` */
  readonly status: string
  readonly options: object
  /** Commands that auto-pipelining holds back until the end of the tick. */
  readonly autoPipelineQueueSize: number
  connect(): Promise<unknown>
  ping(): Promise<unknown>
  quit(): Promise<unknown>
  disconnect(reconnect?: boolean): void
  on(event: string, listener: (...args: unknown[]) => void): unknown
  off(event: string, listener: (...args: unknown[]) => void): unknown
}
