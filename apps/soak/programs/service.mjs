// Orders: a row, a count and a message before the answer; shipped by a consumer of the same service.
import { createServer } from 'node:http'
import { redis as redisResource } from '@lameduck/adapter-ioredis'
import { drainableKafka, kafkaConsumer, kafkaProducer } from '@lameduck/adapter-kafkajs'
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle, schedule, trackedWork } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import { probeServer } from '@lameduck/probes'
import { Redis } from 'ioredis'
import { Kafka, logLevel } from 'kafkajs'
import pg from 'pg'
import { WebSocketServer } from 'ws'
import { answerSamples } from './sample.mjs'
import { sufferFaults } from './faults.mjs'

const { DATABASE_URL, REDIS_URL, KAFKA_BROKERS, TOPIC, SABOTAGE, GRACE_MS } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS), lameDuck: { minMs: 500, quietMs: 100, maxMs: 2_000 } } })
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 8, connectionTimeoutMillis: 8_000 })
const redis = new Redis(REDIS_URL)
redis.on('error', () => {})
const kafka = drainableKafka(Kafka, { clientId: 'soak', brokers: KAFKA_BROKERS.split(','), logLevel: logLevel.NOTHING })
const producer = kafka.producer()
const consumer = kafka.consumer({ groupId: `${TOPIC}-shipping`, sessionTimeout: 10_000, rebalanceTimeout: 20_000 })
const audits = trackedWork('audits')

const server = createServer((request, response) => {
  const id = request.url.slice(1)
  if (SABOTAGE === 'leak') process.on('message', () => response)
  if (SABOTAGE === 'lose') response.writeHead(201).end()
  place(id).then(
    () => response.headersSent || response.writeHead(201).end(),
    (error) => response.headersSent || response.writeHead(503).end(error.message),
  )
})

async function place(id) {
  if (SABOTAGE === 'lose') await new Promise((resolve) => setTimeout(resolve, 3_000).unref())
  await pool.query(`INSERT INTO ${TOPIC}_orders VALUES ($1)`, [id])
  await redis.incr(`${TOPIC}-orders`)
  await producer.send({ topic: TOPIC, messages: [{ value: id }] })
  void audits.run(() => pool.query(`INSERT INTO ${TOPIC}_audits VALUES ($1)`, [id])).catch(() => {})
}

const room = new WebSocketServer({ server })
room.on('connection', (socket) => {
  socket.on('error', () => {})
  socket.on('message', (data) => {
    const id = Buffer.from(data).toString()
    pool.query(`INSERT INTO ${TOPIC}_notes VALUES ($1)`, [id]).then(
      () => socket.send(id),
      () => socket.send('failed'),
    )
  })
})

lifecycle.add(pgPool(pool, { onError: () => {} }))
lifecycle.add(redisResource(redis))
lifecycle.add(kafkaProducer(producer))
lifecycle.add(
  kafkaConsumer(consumer, {
    topics: [TOPIC],
    fromBeginning: true,
    eachMessage: async ({ message }) => {
      await pool.query(`INSERT INTO ${TOPIC}_shipments VALUES ($1)`, [message.value.toString()])
    },
  }),
)
lifecycle.add(audits)
lifecycle.add(schedule('beats', async () => void (await pool.query(`INSERT INTO ${TOPIC}_beats VALUES (now())`).catch(() => {})), 1_000))
lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
const probes = probeServer(lifecycle, { port: 0, host: '127.0.0.1' })
lifecycle.add(probes)
if (SABOTAGE === 'hang') process.on('SIGTERM', () => setTimeout(() => { for (;;); }, 50))
answerSamples()
sufferFaults()
await bindProcess(lifecycle, { terminationMessage: false, onReport: (report) => void process.send({ report }) }).ready()
process.send({ ready: { port: server.address().port, probePort: probes.address().port } })
