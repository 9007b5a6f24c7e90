import { readdir, readFile } from 'node:fs/promises'
import { startPgBouncer, startServer, type Server } from '@lameduck/servers'
import pg from 'pg'
import { beforeAll, afterAll, expect, onTestFinished, test, vi } from 'vitest'
import { temporary } from './temporary.ts'

let postgres: Server
beforeAll(async () => {
  const server = await startServer('postgres', { private: true, from: ['PATH', 'installed'] })
  if (!server.ok) throw new Error(server.message)
  postgres = server
}, 120_000)
afterAll(() => postgres.stop())

test('stands in front of a PostgreSQL, in transaction mode and as it was told, and ends when it is told', { timeout: 120_000 }, async () => {
  const bouncer = await startPgBouncer({ upstream: postgres.url, settings: { default_pool_size: '2' } })
  if (!bouncer.ok) throw new Error(bouncer.message)
  onTestFinished(async () => bouncer.stop())
  expect(bouncer.detail).toMatch(/^PgBouncer \d[\d.]* from .+ on port \d+$/)
  const url = new URL(bouncer.url)
  expect(url.port).not.toBe(new URL(postgres.url).port)

  const pool = new pg.Pool({ connectionString: bouncer.url, max: 4 })
  // Four clients have two backends among them.
  const pids = await Promise.all([1, 2, 3, 4].map(async () => (await pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid, pg_sleep(0.05)')).rows[0]!.pid))
  expect(new Set(pids).size).toBe(2)
  await pool.end()

  url.pathname = 'pgbouncer'
  const console = new pg.Client(url.href)
  await console.connect()
  const { rows } = await console.query<{ key: string; value: string }>('SHOW CONFIG')
  await console.end()
  expect(Object.fromEntries(rows.map(({ key, value }) => [key, value]))).toMatchObject({ pool_mode: 'transaction', default_pool_size: '2', listen_addr: '127.0.0.1' })

  const { pid } = bouncer
  await bouncer.stop()
  await vi.waitFor(async () => expect(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => 'gone')).toBe('gone'))
})

test('is frozen and thawed without its connections being lost', async () => {
  const bouncer = await startPgBouncer({ upstream: postgres.url })
  if (!bouncer.ok) throw new Error(bouncer.message)
  onTestFinished(async () => bouncer.stop())
  const client = new pg.Client(bouncer.url)
  await client.connect()
  await bouncer.freeze()
  let answered = false
  const answer = client.query('SELECT 1').then(() => (answered = true))
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(answered).toBe(false)
  await bouncer.thaw()
  await answer
  await client.end()
})

test('one that cannot be had is a message', async () => {
  const cacheFolder = await temporary()
  expect(await startPgBouncer({ upstream: postgres.url, env: { PATH: '' }, cacheFolder })).toEqual({
    ok: false,
    name: 'pgbouncer',
    message: 'No PgBouncer: there is no pgbouncer on PATH, and no apt-get to fetch it with. To have one, install it (on Debian: apt-get install pgbouncer).',
  })
  expect(await readdir(cacheFolder)).toEqual([])
})
