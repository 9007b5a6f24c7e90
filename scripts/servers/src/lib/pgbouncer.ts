import { chown, cp, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { findOnPath } from './find-on-path.ts'
import { isOpenToOthers } from './is-open-to-others.ts'
import { startLocalServer } from './local-server.ts'
import { checkPostgres } from './postgres.ts'
import type { Answering, Context, Launch, Place, Program } from './recipe.ts'
import { runToEnd } from './run-to-end.ts'
import type { NoServer, Server, ServerOptions } from './server.ts'
import { defaultCacheFolder } from './start-server.ts'
import { Unavailable } from './unavailable.ts'
import { unpackedPackages, type Unpacked } from './unpacked-packages.ts'
import { unprivilegedAccount } from './unprivileged-account.ts'

export interface PgBouncerOptions extends Pick<ServerOptions, 'env' | 'onProgress' | 'onExit' | 'cacheFolder'> {
  /** `postgres://…` of the server it stands in front of. */
  readonly upstream: string
  /** What its configuration file says beside the rest, such as `{ default_pool_size: '2' }`. @default transaction mode, 4 connections to a database */
  readonly settings?: Readonly<Record<string, string>>
}

const defaults = {
  auth_type: 'any',
  pool_mode: 'transaction',
  default_pool_size: '4',
  max_client_conn: '200',
  // On loopback only, no socket in a shared folder.
  listen_addr: '127.0.0.1',
  unix_socket_dir: '',
  admin_users: 'postgres',
}

/**
 * Starts a PgBouncer of one's own in front of a PostgreSQL: the program on PATH, else the distribution's package, unpacked
 * in the cache. The `url` of the result leads to the same database as `upstream`, and `pgbouncer` in its place to the console.
 * It ends with this process, as a server does.
 */
export async function startPgBouncer({ upstream, settings = {}, ...options }: PgBouncerOptions): Promise<Server | NoServer> {
  const { env = process.env, cacheFolder = defaultCacheFolder, onProgress = () => {}, onExit = () => {} } = options
  const behind = new URL(upstream)
  const answering: Answering = {
    name: 'pgbouncer',
    title: 'PgBouncer',
    url: (host, port) => `postgres://${behind.username}:${behind.password}@${host}:${port}${behind.pathname}`,
    check: checkPostgres,
  }
  try {
    const { program, source } = await find({ env, cacheFolder, onProgress }, behind, settings)
    return await startLocalServer(answering, program, source, { args: [], onProgress, onExit })
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    return { ok: false, name: 'pgbouncer', message: `No PgBouncer: ${error.message}. To have one, install it (on Debian: apt-get install pgbouncer).` }
  }
}

async function find(context: Context, upstream: URL, settings: Readonly<Record<string, string>>): Promise<{ program: Program; source: Server['source'] }> {
  const { env, cacheFolder } = context
  const onPath = await findOnPath(env, 'pgbouncer')
  const wanted = { title: 'PgBouncer', name: 'pgbouncer', packages: ['pgbouncer'], program: 'usr/sbin/pgbouncer' }
  const found: Unpacked = onPath === undefined ? await unpackedPackages(wanted, context) : { file: onPath, env }
  const version = /\d[\d.]*/.exec(await runToEnd(found.file, ['--version'], { env: found.env }))?.[0] ?? ''
  const from = onPath ?? `the distribution's packages, unpacked in ${cacheFolder}`
  return {
    source: onPath === undefined ? 'installed' : 'PATH',
    program: { detail: `PgBouncer ${version} from ${from}`, prepare: async (place) => prepare(found, place, upstream, settings) },
  }
}

async function prepare(found: Unpacked, { folder, port }: Place, upstream: URL, settings: Readonly<Record<string, string>>): Promise<Launch> {
  const account = await unprivilegedAccount()
  const { file, env } = account && !(await isOpenToOthers(dirname(found.file))) ? await copied(found, folder) : found
  const configuration = join(folder, 'pgbouncer.ini')
  await writeFile(configuration, configurationFor(upstream, { ...defaults, listen_port: String(port), ...settings }))
  if (account) await chown(folder, account.uid, account.gid)
  return { command: file, args: [configuration], env, cwd: folder, stopSignal: 'SIGKILL', ...account }
}

/** Another account cannot run what lies below a folder like /root. */
async function copied({ file, env }: Unpacked, folder: string): Promise<Unpacked> {
  const root = join(dirname(file), '..', '..')
  const copy = join(folder, 'programs')
  const libraries = (env['LD_LIBRARY_PATH'] ?? '').split(':').filter((each) => each.startsWith(root))
  for (const each of [dirname(file), ...libraries]) {
    await mkdir(dirname(join(copy, relative(root, each))), { recursive: true })
    await cp(each, join(copy, relative(root, each)), { recursive: true, verbatimSymlinks: true })
  }
  const path = libraries.map((each) => join(copy, relative(root, each))).join(':')
  return { file: join(copy, relative(root, file)), env: { ...env, LD_LIBRARY_PATH: path } }
}

function configurationFor({ hostname, port, username, password }: URL, settings: Readonly<Record<string, string>>): string {
  const behind = { host: hostname, port: port || '5432', user: decodeURIComponent(username), password: decodeURIComponent(password) }
  const lines = (values: Readonly<Record<string, string>>, end: string): string => Object.entries(values).map(([name, value]) => `${name}=${value}`).join(end)
  return `[databases]\n* = ${lines(behind, ' ')}\n[pgbouncer]\n${lines(settings, '\n')}\n`
}
