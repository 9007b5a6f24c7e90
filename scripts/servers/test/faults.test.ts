import { existsSync, readFileSync } from 'node:fs'
import { startServer, type Server, type ServerName, type ServerOptions } from '@lameduck/servers'
import { Redis } from 'ioredis'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { isAlive } from './processes.ts'

async function started(name: ServerName, options: ServerOptions = {}): Promise<Server> {
  const server = await startServer(name, { private: true, from: ['PATH', 'installed'], ...options })
  if (!server.ok) throw new Error(server.message)
  onTestFinished(async () => server.stop())
  return server
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client(url)
  client.on('error', () => {})
  await client.connect()
  return client
}

/** `late` when the promise has not settled after a short while. */
async function soon(promise: Promise<unknown>): Promise<unknown> {
  return Promise.race([promise, new Promise((resolve) => setTimeout(resolve, 300, 'late'))])
}

test('a frozen PostgreSQL keeps connections open and answers nothing, neither old ones nor new ones', async () => {
  const server = await started('postgres')
  const client = await connected(server.url)
  await server.freeze()
  const answer = client.query('select 1 as one').then(({ rows }) => rows as unknown)
  const newcomer = connected(server.url)
  expect(await soon(answer)).toBe('late')
  expect(await soon(newcomer)).toBe('late')
  await server.thaw()
  expect(await answer).toEqual([{ one: 1 }])
  await (await newcomer).end()
  await client.end()
})

test('a killed PostgreSQL cuts its clients off, and comes back with its data', async () => {
  const exits: string[] = []
  const server = await started('postgres', { onExit: (message) => exits.push(message) })
  const client = await connected(server.url)
  await client.query('create table kept as select 7 as n')
  const cut = new Promise((resolve) => client.once('end', resolve))
  const { pid } = server
  await server.kill()
  await cut
  expect(server.pid).toBeUndefined()
  expect(isAlive(pid as number)).toBe(false)
  await expect(connected(server.url)).rejects.toThrow('ECONNREFUSED')
  await server.restart()
  const again = await connected(server.url)
  expect((await again.query('select n from kept')).rows).toEqual([{ n: 7 }])
  await again.end()
  const { pid: second } = server
  await server.kill()
  await server.stop()
  expect(segmentsOf([pid, second])).toEqual([])
  expect(exits).toEqual([])
})

/** Segments of System V shared memory that these processes made; elsewhere than on Linux they are not listed in a file. */
function segmentsOf(pids: readonly (number | undefined)[]): string[] {
  const file = '/proc/sysvipc/shm'
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []
  return lines.filter((line) => pids.includes(Number(line.trim().split(/\s+/)[4])))
}

test('a frozen Redis can be killed, restarted and stopped', async () => {
  const server = await started('redis', { args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
  const client = new Redis(server.url, { retryStrategy: () => null })
  client.on('error', () => {})
  await client.set('kept', '7')
  await server.freeze()
  expect(await soon(client.get('kept'))).toBe('late')
  await server.restart()
  const again = new Redis(server.url)
  expect(await again.get('kept')).toBe('7')
  again.disconnect()
  client.disconnect()
  const { pid } = server
  await server.freeze()
  await server.stop()
  expect(isAlive(pid as number)).toBe(false)
})

test('a killed Kafka comes back on its port', { timeout: 60_000 }, async () => {
  const server = await started('kafka')
  const before = server.pid
  await server.kill()
  await server.restart()
  expect(server.pid).not.toBe(before)
  expect(await startServer('kafka', { env: { KAFKA_BROKERS: server.url } })).toMatchObject({ ok: true, source: 'environment' })
})

test('a server that ends by itself says so, with what it wrote last', async () => {
  let tell: (message: string) => void = () => {}
  const told = new Promise<string>((resolve) => {
    tell = resolve
  })
  const server = await started('redis', { onExit: tell })
  const client = new Redis(server.url, { retryStrategy: () => null })
  client.on('error', () => {})
  await client.shutdown('NOSAVE').catch(() => {})
  client.disconnect()
  expect(await told).toMatch(/^Redis ended by itself \(exit code 0\): .*Redis is now ready to exit/)
  expect(server.pid).toBeUndefined()
  await server.restart()
  expect(server.pid).toBeTypeOf('number')
})

test('a server that dies while it starts is a message', async () => {
  const server = await startServer('redis', { private: true, from: ['PATH', 'installed'], args: ['--no-such-setting', '1'] })
  expect(server.ok).toBe(false)
  if (server.ok) return
  expect(server.message).toMatch(/^No Redis: Redis ended by itself \(exit code 1\): .*FATAL CONFIG FILE ERROR/)
  expect(server.message).toMatch(/To have one, install it .*, or set REDIS_URL to one that runs\.$/)
  expect(server.message).not.toMatch('\n')
})

test('nodes of a Redis cluster and sentinels can be started', async () => {
  const node = await started('redis', { args: ['--cluster-enabled', 'yes'] })
  const client = new Redis(node.url)
  expect(await client.cluster('INFO')).toMatch('cluster_enabled:1'.replace('enabled:1', 'state:fail'))
  client.disconnect()
  const sentinel = await started('redis', { args: ['--sentinel'] })
  const other = new Redis(sentinel.url)
  expect(await other.call('SENTINEL', 'MASTERS')).toEqual([])
  other.disconnect()
})
