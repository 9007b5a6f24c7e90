import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import pg from 'pg'

export interface Postgres {
  readonly config: { readonly host: string; readonly port: number; readonly user: string; readonly database: string }
  /** Process id of the postmaster. */
  readonly pid: number
  /** A session of another application, for looking from outside. */
  readonly admin: pg.Client
  stop(): Promise<void>
}

/** A PostgreSQL of its own, so that a test may freeze it. */
export async function startPostgres(): Promise<Postgres> {
  const folder = mkdtempSync(join(tmpdir(), 'lameduck-pg-'))
  const user = unprivileged()
  if (user) chownSync(folder, user.uid, user.gid)
  const data = join(folder, 'data')
  const init = spawnSync(join(binaries(), 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-N'], { ...user, cwd: folder, encoding: 'utf8' })
  if (init.status !== 0) throw new Error(`initdb failed: ${init.stderr}`)
  const port = await freePort()
  const settings = ['fsync=off', `port=${port}`, 'listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`, 'max_connections=60']
  const server = spawn(join(binaries(), 'postgres'), ['-D', data, ...settings.flatMap((setting) => ['-c', setting])], { ...user, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  await untilReady(server)
  const config = { host: '127.0.0.1', port, user: 'postgres', database: 'postgres' }
  const admin = new pg.Client({ ...config, application_name: 'admin' })
  await admin.connect()
  return {
    config,
    pid: server.pid ?? 0,
    admin,
    async stop() {
      await admin.end()
      const exited = once(server, 'exit')
      server.kill('SIGQUIT')
      await exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function untilReady(server: ChildProcess): Promise<void> {
  const lines: string[] = []
  for await (const line of createInterface({ input: server.stderr! })) {
    lines.push(line)
    if (line.includes('ready to accept connections')) {
      server.stderr!.resume()
      return
    }
  }
  throw new Error(`PostgreSQL did not start: ${lines.join('\n')}`)
}

function binaries(): string {
  const root = '/usr/lib/postgresql'
  const version = existsSync(root) ? readdirSync(root).at(-1) : undefined
  return version === undefined ? '' : join(root, version, 'bin')
}

/** PostgreSQL refuses to run as root. */
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string): number => Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout)
  return { uid: id('-u'), gid: id('-g') }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
