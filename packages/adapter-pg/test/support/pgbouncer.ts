import { startPgBouncer } from '@lameduck/servers'
import pg from 'pg'
import { startPrivateServer, type Database, type PrivateServer } from './postgres.ts'

export interface BehindPgBouncer {
  /** The server itself, not through PgBouncer. */
  readonly postgres: PrivateServer
  /** The same database through PgBouncer. */
  readonly config: Database['config']
  /** PgBouncer alone; what is behind it goes on. */
  freeze(): Promise<void>
  thaw(): Promise<void>
  /** Whether it is still the process that was started, and serves a new client. */
  isAlive(): Promise<boolean>
  stop(): Promise<void>
}

/** A server of its own behind a PgBouncer in transaction mode with `serverConnections` connections to it. */
export async function startBehindPgBouncer(serverConnections: number): Promise<BehindPgBouncer> {
  const postgres = await startPrivateServer()
  const bouncer = await startPgBouncer({ upstream: postgres.url, settings: { default_pool_size: String(serverConnections), server_check_delay: '0' }, onExit: (message) => process.stderr.write(`${message}\n`) })
  if (!bouncer.ok) throw new Error(bouncer.message)
  const { pid } = bouncer
  return {
    postgres,
    config: { ...postgres.config, port: Number(new URL(bouncer.url).port) },
    freeze: () => bouncer.freeze(),
    thaw: () => bouncer.thaw(),
    async isAlive() {
      const client = new pg.Client(bouncer.url)
      await client.connect()
      const { rows } = await client.query<{ sum: number }>('SELECT 1 + 1 AS sum')
      await client.end()
      return rows[0]!.sum === 2 && bouncer.pid === pid
    },
    async stop() {
      await bouncer.stop()
      await postgres.stop()
    },
  }
}
