// Somebody wants to leave quickly: the whole batch at once, raced against the signal. Nothing is ever resolved by hand.
import { once } from 'node:events'
import { drainableKafka, kafkaConsumer } from '@lameduck/adapter-kafkajs'
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle } from '@lameduck/core'
import kafkajs from 'kafkajs'
import pg from 'pg'

const { DATABASE_URL, KAFKA_BROKERS, ID, GRACE_MS } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 2, connectionTimeoutMillis: 5_000 })
const kafka = drainableKafka(kafkajs.Kafka, { brokers: [KAFKA_BROKERS], logLevel: kafkajs.logLevel.NOTHING })
const stopping = once(lifecycle.stopping, 'abort')

const store = async ({ value }) => {
  console.log('began', String(value))
  await pool.query('INSERT INTO stored SELECT $1 FROM pg_sleep(0.1)', [String(value)])
}

const db = lifecycle.add(pgPool(pool, { onError: () => {} }))
const consumer = kafka.consumer({ groupId: ID, maxBytesPerPartition: 1_048_576 })
lifecycle.add(kafkaConsumer(consumer, { topics: [ID], fromBeginning: true, eachBatch: ({ batch }) => Promise.race([Promise.all(batch.messages.map(store)), stopping]) }), { needs: [db] })
await bindProcess(lifecycle).ready()
console.log('ready')
