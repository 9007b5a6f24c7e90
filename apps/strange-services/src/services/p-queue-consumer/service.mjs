// Handlers put messages into a p-queue and return; the topic is paused while it is full, and offsets are committed in order as they are done.
import { drainableKafka, kafkaConsumer } from '@lameduck/adapter-kafkajs'
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { Kafka } from 'kafkajs'
import PQueue from 'p-queue'
import pg from 'pg'

const { DATABASE_URL, KAFKA_BROKERS, ID, GRACE_MS } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 3, connectionTimeoutMillis: 5_000 })
const consumer = drainableKafka(Kafka, { brokers: [KAFKA_BROKERS], logLevel: 0 }).consumer({ groupId: ID, maxWaitTimeInMs: 200 })
const queue = new PQueue({ concurrency: 3 })
const done = new Set()
let next = 0n

async function store(offset, text) {
  console.log('began', text)
  await pool.query('INSERT INTO stored SELECT $1 FROM pg_sleep(0.05)', [text])
  done.add(offset)
  const before = next
  while (done.delete(next)) next += 1n
  if (next > before) await consumer.commitOffsets([{ topic: ID, partition: 0, offset: String(next) }])
}

async function eachMessage({ message, pause }) {
  queue.add(() => store(BigInt(message.offset), String(message.value))).catch((error) => console.log('task failed', error.message))
  if (queue.size > 8) {
    const resume = pause()
    queue.onSizeLessThan(3).then(resume)
  }
}

const db = lifecycle.add(pgPool(pool, { onError: () => {} }))
const source = lifecycle.add(kafkaConsumer(consumer, { topics: [ID], fromBeginning: true, autoCommit: false, eachMessage }), { needs: [db] })
lifecycle.add({ name: 'queue', phase: 'intake', inFlight: () => queue.size + queue.pending, drain: () => queue.onIdle(), force: () => queue.clear() }, { needs: [source, db] })
await bindProcess(lifecycle).ready()
console.log('ready')
