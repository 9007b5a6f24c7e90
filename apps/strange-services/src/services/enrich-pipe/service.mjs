// The commonest pipeline: look something up, send it on, several partitions at once.
import { drainableKafka, kafkaConsumer, kafkaProducer } from '@lameduck/adapter-kafkajs'
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { Kafka } from 'kafkajs'
import pg from 'pg'

const { DATABASE_URL, KAFKA_BROKERS, ID, GRACE_MS } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 2, connectionTimeoutMillis: 5_000 })
const kafka = drainableKafka(Kafka, { brokers: [KAFKA_BROKERS], logLevel: 0 })
const producer = kafka.producer()

const db = lifecycle.add(pgPool(pool, { onError: () => {} }))
const out = lifecycle.add(kafkaProducer(producer))
lifecycle.add(
  kafkaConsumer(kafka.consumer({ groupId: ID }), {
    topics: [ID],
    fromBeginning: true,
    partitionsConsumedConcurrently: 3,
    async eachMessage({ message }) {
      console.log('began', String(message.value))
      const { rows } = await pool.query(`SELECT $1 || '!' AS text FROM pg_sleep(0.03)`, [String(message.value)])
      await producer.send({ topic: `${ID}-out`, messages: rows.map(({ text }) => ({ value: text })) })
    },
  }),
  { needs: [db, out] },
)
await bindProcess(lifecycle).ready()
console.log('ready')
