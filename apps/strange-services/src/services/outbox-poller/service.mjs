// An outbox: rows that a poller locks, sends, and deletes in one transaction.
import { drainableKafka, kafkaProducer } from '@lameduck/adapter-kafkajs'
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle, schedule } from '@lameduck/core'
import { Kafka } from 'kafkajs'
import pg from 'pg'

const { DATABASE_URL, KAFKA_BROKERS, ID, GRACE_MS } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 2, connectionTimeoutMillis: 5_000 })
const producer = drainableKafka(Kafka, { brokers: [KAFKA_BROKERS], logLevel: 0 }).producer({ idempotent: true })

async function sendSome() {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    const { rows } = await client.query('SELECT id FROM outbox ORDER BY id LIMIT 5 FOR UPDATE SKIP LOCKED')
    if (rows.length > 0) {
      console.log('began', rows.length)
      await producer.send({ topic: ID, messages: rows.map(({ id }) => ({ value: id })) })
      await client.query('DELETE FROM outbox WHERE id = ANY($1) AND pg_sleep(0.02) IS NOT NULL', [rows.map(({ id }) => id)])
    }
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    console.log('the poll failed:', error.message)
  } finally {
    client.release()
  }
}

const needs = [lifecycle.add(pgPool(pool, { onError: () => {} })), lifecycle.add(kafkaProducer(producer))]
lifecycle.add(schedule('outbox', sendSome, 20), { needs })
await bindProcess(lifecycle).ready()
console.log('ready')
