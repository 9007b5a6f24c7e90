// Poison goes to a table of dead letters, in the transaction that also writes what the others get. A class with bound methods, in CommonJS.
const { drainableKafka, kafkaConsumer } = require('@lameduck/adapter-kafkajs')
const { pgPool } = require('@lameduck/adapter-pg')
const { bindProcess, createLifecycle } = require('@lameduck/core')
const { Kafka } = require('kafkajs')
const { Pool } = require('pg')

class Inbox {
  constructor(pool) {
    this.pool = pool
    this.handle = this.handle.bind(this)
  }

  async handle({ message }) {
    const text = message.value.toString()
    console.log('began', text)
    const client = await this.pool.connect()
    try {
      await client.query('BEGIN')
      try {
        await client.query('SAVEPOINT work')
        await client.query('INSERT INTO letters SELECT $1, ($2::int)::text FROM pg_sleep(0.03)', [text, text.endsWith('7') ? 'seven' : '7'])
      } catch (error) {
        await client.query('ROLLBACK TO SAVEPOINT work')
        await client.query('INSERT INTO dead_letters VALUES ($1, $2)', [text, error.message])
      }
      await client.query('COMMIT')
    } catch (error) {
      client.query('ROLLBACK').catch(() => {})
      throw error
    } finally {
      client.release()
    }
  }
}

const { DATABASE_URL, KAFKA_BROKERS, ID, GRACE_MS } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const pool = new Pool({ connectionString: DATABASE_URL, max: 2, connectionTimeoutMillis: 5_000 })
const consumer = drainableKafka(Kafka, { brokers: [KAFKA_BROKERS], logLevel: 0 }).consumer({ groupId: ID })
const needs = [lifecycle.add(pgPool(pool, { onError() {} }))]
lifecycle.add(kafkaConsumer(consumer, { topics: [ID], fromBeginning: true, eachMessage: new Inbox(pool).handle }), { needs })
bindProcess(lifecycle)
  .ready()
  .then(() => console.log('ready'))
