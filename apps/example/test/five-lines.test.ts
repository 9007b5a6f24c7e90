import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { namesFor } from '../src/lib/config.ts'
import { consumersAtRest } from '../src/lib/consumers-at-rest.ts'
import { createKafka } from '../src/lib/create-kafka.ts'
import { dropEverything } from '../src/lib/drop-everything.ts'
import { setUp } from '../src/lib/set-up.ts'
import { databaseUrl, kafkaBrokers, ownPlaces, redisUrl } from './places.ts'
import { killLeftovers, spawnService } from './running-service.ts'

const places = ownPlaces()
const { topic, group } = namesFor(places.prefix)
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(new URL('.readme-', import.meta.url).pathname)
  await setUp(places)
})
afterAll(async () => {
  await killLeftovers()
  await rm(folder, { recursive: true, force: true })
  await dropEverything(places)
})

/** The existing service, which the lines of the README are put into. */
const service = `
import { drainableKafka } from '@lameduck/adapter-kafkajs'
import express from 'express'
import { Redis } from 'ioredis'
import { Kafka } from 'kafkajs'
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, connectionTimeoutMillis: 10_000 })
const client = new Redis(process.env.REDIS_URL)
const consumer = drainableKafka(Kafka, { brokers: process.env.KAFKA_BROKERS.split(',') }).consumer({ groupId: process.env.GROUP })
const app = express()
app.get('/', async (_request, response) => {
  console.log('asked')
  await pool.query('SELECT pg_sleep(0.5)')
  response.send(await client.ping())
})
async function eachMessage({ partition, message }) {
  await client.ping()
  await pool.query('SELECT pg_sleep(0.05)')
  console.log(\`handled \${partition} \${message.offset}\`)
}
`

test('the five lines of the README of the repository, in a service with all clients', async () => {
  const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8')
  const lines = (/## Five lines\n\n```ts\n([^]*?)```/.exec(readme)?.[1] ?? '').replace('8080', 'process.env.PORT').replace("'orders'", 'process.env.TOPIC')
  const file = `${folder}/service.mjs`
  await writeFile(file, `${service}${lines}console.log('orders: ready')\n`)
  const env = { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, KAFKA_BROKERS: kafkaBrokers.join(','), TOPIC: topic, GROUP: group }
  const running = await spawnService([process.execPath, file], env)
  await running.ready
  const kafka = createKafka(kafkaBrokers, 'five-lines')
  const producer = kafka.producer()
  await producer.connect()
  const said = (text: string): boolean => running.lines.some((line) => line.startsWith(text))
  const send = (count: number): Promise<unknown> => producer.send({ topic, messages: Array.from({ length: count }, () => ({ value: 'tea' })) })
  // A new group begins with what comes after it has looked.
  while (!said('handled')) await send(1)
  const answer = fetch(running.url)
  while (!said('asked')) await send(1)
  // More than it can handle.
  await send(30)
  running.kill('SIGTERM')
  await producer.disconnect()

  expect(Object.fromEntries((await answer).headers)).toMatchObject({ connection: 'close' })
  expect(await (await answer).text()).toBe('PONG')
  expect(await running.exit).toEqual({ code: 0, signal: null })
  const { result, steps } = running.report()
  expect(result).toBe('clean')
  expect(steps.map(({ name }) => name).toSorted()).toEqual(['http', 'kafka-consumer', 'pg', 'redis'])
  const next = new Map<number, bigint>()
  for (const line of running.lines) {
    const [, partition, offset] = /^handled (\d) (\d+)$/.exec(line) ?? []
    if (partition !== undefined && offset !== undefined) next.set(Number(partition), BigInt(offset) + 1n)
  }
  const { committed } = await consumersAtRest(kafka, { topic, group, standstillMs: 0 })
  expect(new Map([...committed].filter(([partition]) => next.has(partition)))).toEqual(next)
})
