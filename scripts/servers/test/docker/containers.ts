import { startServer, type Server, type ServerName, type ServerOptions } from '@lameduck/servers'
import { Redis } from 'ioredis'
import { Kafka, logLevel } from 'kafkajs'
import pg from 'pg'
import { getContainerRuntimeClient } from 'testcontainers'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { startContainer } from '../../src/lib/container-server.ts'
import { redis } from '../../src/lib/redis.ts'

let before: string[] = []
beforeAll(async () => {
  before = await containers()
})
afterAll(async () => {
  expect(await containers()).toEqual(before)
})

async function containers(): Promise<string[]> {
  const engine = await getContainerRuntimeClient()
  const all = await engine.container.dockerode.listContainers({ all: true })
  return all.filter(({ Image }) => !Image.includes('ryuk')).map(({ Id }) => Id)
}

async function started(name: ServerName, options: ServerOptions = {}): Promise<Server> {
  const server = await startServer(name, { private: true, from: ['docker'], ...options })
  if (!server.ok) throw new Error(server.message)
  onTestFinished(async () => server.stop())
  expect(server).toMatchObject({ source: 'docker', pid: undefined })
  return server
}

async function soon(promise: Promise<unknown>): Promise<unknown> {
  return Promise.race([promise, new Promise((resolve) => setTimeout(resolve, 500, 'late'))])
}

async function query(url: string, text: string): Promise<unknown> {
  const client = new pg.Client(url)
  client.on('error', () => {})
  await client.connect()
  const { rows } = await client.query(text)
  await client.end()
  return rows
}

test('PostgreSQL answers, freezes, and comes back with its data after a kill', async () => {
  const server = await started('postgres', { args: ['-c', 'work_mem=5MB'] })
  expect(server.detail).toMatch(/^PostgreSQL \d+[\d.]* in Docker \(postgres:.+\) at \S+:\d+$/)
  expect(await query(server.url, 'show work_mem')).toEqual([{ work_mem: '5MB' }])
  await query(server.url, 'create table kept as select 7 as n')
  await server.freeze()
  const answer = query(server.url, 'select n from kept')
  expect(await soon(answer)).toBe('late')
  await server.thaw()
  expect(await answer).toEqual([{ n: 7 }])
  await server.kill()
  await expect(query(server.url, 'select 1')).rejects.toThrow()
  await server.restart()
  expect(await query(server.url, 'select n from kept')).toEqual([{ n: 7 }])
})

test('Redis takes arguments, and can be stopped while it is frozen', async () => {
  const server = await started('redis', { args: ['--maxmemory', '5mb'] })
  const client = new Redis(server.url)
  client.on('error', () => {})
  expect(await client.config('GET', 'maxmemory')).toEqual(['maxmemory', '5242880'])
  await server.freeze()
  expect(await soon(client.ping())).toBe('late')
  client.disconnect()
  await server.restart()
  await server.freeze()
  await server.stop()
})

test('Kafka lets a client on this machine produce, transactions too, and takes settings', async () => {
  const server = await started('kafka', { args: ['--override', 'num.partitions=5'] })
  const kafka = new Kafka({ brokers: [server.url], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'greetings' }] })
  const metadata = await admin.fetchTopicMetadata({ topics: ['greetings'] })
  expect(metadata.topics[0]?.partitions).toHaveLength(5)
  await admin.disconnect()
  const producer = kafka.producer({ idempotent: true, transactionalId: 'greeter' })
  await producer.connect()
  const transaction = await producer.transaction()
  await transaction.send({ topic: 'greetings', messages: [{ value: 'hello' }] })
  await transaction.commit()
  await producer.disconnect()
  await server.kill()
  await server.restart()
})

test('a Redis with a password is ready', async () => {
  const server = await started('redis', { args: ['--requirepass', 'secret'] })
  const client = new Redis(server.url, { password: 'secret' })
  expect(await client.ping()).toBe('PONG')
  client.disconnect()
})

test('an image that cannot be had is a reason to go on, not a failure', async () => {
  const missing = { ...redis, image: { ...redis.image, image: 'lameduck/no-such-image:0' } }
  await expect(startContainer(missing, { args: [], onProgress: () => {} })).rejects.toThrow('Docker could not start lameduck/no-such-image:0 (')
})
