import { chown, cp, mkdir, readdir, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { embeddedPostgres } from './embedded-postgres.ts'
import { findOnPath, isExecutable } from './find-on-path.ts'
import { images } from './images.ts'
import { isOpenToOthers } from './is-open-to-others.ts'
import { runToEnd } from './run-to-end.ts'
import type { Context, Launch, Place, Program, Recipe } from './recipe.ts'
import { unprivilegedAccount } from './unprivileged-account.ts'

/** Faster than the defaults, and enough for every test at once. What was committed survives a killed server, not a crashed machine. */
const settings = {
  fsync: 'off',
  full_page_writes: 'off',
  max_connections: '200',
  shared_buffers: '32MB',
  // In the data folder, so that a killed server leaves nothing in /dev/shm.
  dynamic_shared_memory_type: 'mmap',
}

export const postgres: Recipe = {
  name: 'postgres',
  title: 'PostgreSQL',
  variable: 'DATABASE_URL',
  remedies: 'install it (on Debian: apt-get install postgresql), or set DATABASE_URL to one that runs',
  image: {
    image: images.postgres,
    port: 5432,
    environment: () => ({ POSTGRES_PASSWORD: 'postgres' }),
    command: (args) => ['postgres', ...setting(settings), ...args],
  },
  url: (host, port) => `postgres://postgres:postgres@${host}:${port}/postgres`,
  check: checkPostgres,
  find,
  install: async (context) => {
    const home = await embeddedPostgres(context)
    return program(join(home, 'bin'), home, context)
  },
}

/** The server's version; through a pooler that of the server behind it. */
export async function checkPostgres(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 })
  // A server that dies in between is seen by the query.
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ server_version: string }>('show server_version')
    return (rows[0]?.server_version ?? '').split(' ')[0] ?? ''
  } finally {
    await client.end().catch(() => {})
  }
}

async function find(context: Context): Promise<Program | undefined> {
  const onPath = await findOnPath(context.env, 'postgres')
  const candidates = [...(onPath ? [dirname(onPath)] : []), ...(await debianFolders())]
  for (const bin of candidates) {
    if ((await isExecutable(join(bin, 'postgres'))) && (await isExecutable(join(bin, 'initdb')))) return program(bin, bin, context)
  }
  return undefined
}

/** Debian and Ubuntu keep the server programs off PATH, one folder for each major version. */
async function debianFolders(): Promise<string[]> {
  const versions = await readdir('/usr/lib/postgresql').catch(() => [])
  return versions.toSorted((a, b) => Number(b) - Number(a)).map((version) => join('/usr/lib/postgresql', version, 'bin'))
}

async function program(bin: string, from: string, { env, onProgress }: Context): Promise<Program> {
  const version = /\d[\d.]*/.exec(await runToEnd(join(bin, 'postgres'), ['--version'], { env }))?.[0] ?? ''
  return {
    detail: `PostgreSQL ${version} from ${from}`,
    prepare: async (place) => {
      onProgress('PostgreSQL: making a database')
      return prepare(bin, place, env)
    },
  }
}

async function prepare(bin: string, { folder, port, args, run }: Place, env: NodeJS.ProcessEnv): Promise<Launch> {
  const data = join(folder, 'data')
  const account = await unprivilegedAccount()
  const programs = account && !(await isOpenToOthers(bin)) ? await copyPrograms(bin, folder) : bin
  await mkdir(data, { mode: 0o700 })
  if (account) {
    await chown(folder, account.uid, account.gid)
    await chown(data, account.uid, account.gid)
  }
  const initdb = ['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--no-locale', '--no-sync']
  await run({ command: join(programs, 'initdb'), args: initdb, env, cwd: folder, stopSignal: 'SIGKILL', ...account })
  const listen = { listen_addresses: '127.0.0.1', unix_socket_directories: '' }
  return {
    command: join(programs, 'postgres'),
    args: ['-D', data, '-p', String(port), ...setting({ ...listen, ...settings }), ...args],
    env,
    cwd: folder,
    stopSignal: 'SIGQUIT',
    ...account,
  }
}

async function copyPrograms(bin: string, folder: string): Promise<string> {
  const home = join(folder, 'postgresql')
  await cp(dirname(await realpath(bin)), home, { recursive: true, verbatimSymlinks: true })
  return join(home, 'bin')
}

function setting(values: Record<string, string>): string[] {
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}
