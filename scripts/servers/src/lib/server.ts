export type ServerName = 'postgres' | 'redis' | 'kafka'

/** Brokers that only the tests of one package need. */
export type BrokerName = 'nats' | 'mosquitto' | 'rabbitmq'

/**
 * Where a server may come from, in the order in which it is tried: a URL in the environment, a container, a program of
 * this machine, a program fetched into the ignored `.cache` folder (or, for Java, by the system's package manager).
 */
export const origins = ['environment', 'docker', 'PATH', 'installed'] as const

export type Origin = (typeof origins)[number]

/** A server that answers. */
export interface Server {
  readonly ok: true
  readonly name: ServerName | BrokerName | 'pgbouncer'
  /** `postgres://…`, `redis://…`, or for Kafka `host:port[,host:port…]`. */
  readonly url: string
  readonly source: Origin
  /** For people: `PostgreSQL 15.18 from /usr/lib/postgresql/15/bin on port 43121`. */
  readonly detail: string
  /** The server's own process, if it is one of this machine; a new one after `restart`. */
  readonly pid: number | undefined
  /** Stops the clock of the server and of all its child processes (SIGSTOP, or a paused container). Connections stay open, nothing answers. */
  freeze(): Promise<void>
  thaw(): Promise<void>
  /** SIGKILL, as when the machine dies. The data stay for `restart`. */
  kill(): Promise<void>
  /** Starts it again on the same port and the same data; resolves when it answers. A running server is killed first. */
  restart(): Promise<void>
  /** Ends the server and removes its data. Without effect on a server of the environment, and the second time. */
  stop(): Promise<void>
}

/** No server, and why; the message is one line that names the two easiest remedies. */
export interface NoServer {
  readonly ok: false
  readonly name: Server['name']
  readonly message: string
}

export interface ServerOptions {
  /**
   * Decides everything that is looked for: `DATABASE_URL`, `REDIS_URL`, `KAFKA_BROKERS`, and programs on `PATH`.
   * @default process.env
   */
  readonly env?: NodeJS.ProcessEnv
  /** Told of each step as it begins; what takes long says so while it runs. @default nobody is told */
  readonly onProgress?: (text: string) => void
  /** Told when a started program ends although nobody stopped or killed it. Containers are not watched. @default nobody is told */
  readonly onExit?: (message: string) => void
  /** The origins that may be used; the order is always that of `origins`. @default all of them */
  readonly from?: readonly Origin[]
  /** A server of one's own, that may be frozen and killed: the URLs of the environment are ignored. @default false */
  readonly private?: boolean
  /** Further arguments of the server program, such as `['--requirepass', 'x']` for Redis. @default none */
  readonly args?: readonly string[]
  /** Where fetched programs are kept. @default .cache at the root of the repository */
  readonly cacheFolder?: string
}
