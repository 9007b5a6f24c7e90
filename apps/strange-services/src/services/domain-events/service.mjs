// Handlers emit domain events and return; async listeners do the work, and offsets are committed meanwhile.
import { EventEmitter } from 'node:events'
import { drainableKafka, kafkaConsumer } from '@lameduck/adapter-kafkajs'
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle, trackedWork } from '@lameduck/core'
import { Kafka } from 'kafkajs'
import pg from 'pg'

const { DATABASE_URL, KAFKA_BROKERS, ID, GRACE_MS } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 3, connectionTimeoutMillis: 5_000 })
const consumer = drainableKafka(Kafka, { brokers: [KAFKA_BROKERS], logLevel: 0 }).consumer({ groupId: ID })
const projections = trackedWork('projections')
const domain = new EventEmitter({ captureRejections: true })
domain.on('error', (error) => console.log('projection failed', error.message))

domain.on(
  'placed',
  projections.wrap(async (order) => {
    await new Promise((resolve) => setTimeout(resolve, 200))
    await pool.query('INSERT INTO projected VALUES ($1)', [order])
  }, 'placed'),
)

const db = lifecycle.add(pgPool(pool, { onError: () => {} }))
const work = lifecycle.add(projections, { needs: [db] })
lifecycle.add(
  kafkaConsumer(consumer, {
    topics: [ID],
    fromBeginning: true,
    autoCommitThreshold: 1,
    async eachMessage({ message }) {
      await new Promise((resolve) => setTimeout(resolve, 10))
      console.log('began', String(message.value))
      domain.emit('placed', String(message.value))
    },
  }),
  { needs: [work] },
)
await bindProcess(lifecycle).ready()
console.log('ready')
