import { randomUUID } from 'node:crypto'
import { startServer } from '@lameduck/servers'
import pg from 'pg'

export interface Database {
  readonly config: { readonly host: string; readonly port: number; readonly user: string; readonly password: string; readonly database: string }
  readonly url: string
  /** A session of another application, for looking from outside. */
  readonly admin: pg.Client
  stop(): Promise<void>
}

export interface PrivateServer extends Database {
  /** The whole server, `admin`'s session too. */
  freeze(): Promise<void>
  /** Does nothing to a server that runs. */
  thaw(): Promise<void>
  /** One backend only, or what is left of it. */
  signalBackend(pid: number, signal: 'STOP' | 'CONT'): Promise<void>
}

/** A database of its own on the server that all tests share. */
export async function createDatabase(): Promise<Database> {
  const shared = process.env['DATABASE_URL']!
  const name = `pg_${randomUUID().replaceAll('-', '')}`
  const owner = new pg.Client(shared)
  await owner.connect()
  await owner.query(`CREATE DATABASE ${name}`)
  const url = new URL(shared)
  url.pathname = name
  const admin = await connectAdmin(url.href)
  return {
    config: configOf(url),
    url: url.href,
    admin,
    async stop() {
      await admin.end()
      await owner.query(`DROP DATABASE ${name} WITH (FORCE)`)
      await owner.end()
    },
  }
}

/** A server of its own, so that a test may freeze it. */
export async function startPrivateServer(): Promise<PrivateServer> {
  const server = await startServer('postgres', { private: true })
  if (!server.ok) throw new Error(server.message)
  const admin = await connectAdmin(server.url)
  let isFrozen = false
  const thaw = async (): Promise<void> => {
    if (isFrozen) await server.thaw()
    isFrozen = false
  }
  return {
    config: configOf(new URL(server.url)),
    url: server.url,
    admin,
    async freeze() {
      isFrozen = true
      await server.freeze()
    },
    thaw,
    // By the server itself: its processes may be another user's, or in a container.
    signalBackend: async (pid, signal) => void (await admin.query(`COPY (SELECT 1) TO PROGRAM 'cat; kill -${signal} ${pid} || true'`)),
    async stop() {
      await thaw()
      await admin.end()
      await server.stop()
    },
  }
}

async function connectAdmin(connectionString: string): Promise<pg.Client> {
  const admin = new pg.Client({ connectionString, application_name: 'admin' })
  await admin.connect()
  return admin
}

function configOf(url: URL): Database['config'] {
  const { hostname, port, username, password, pathname } = url
  return { host: hostname, port: Number(port || 5432), user: decodeURIComponent(username), password: decodeURIComponent(password), database: pathname.slice(1) }
}
