// A sink that collects messages, writes twelve at a time or every half minute, and commits by hand what is written.
import { drainableKafka, kafkaConsumer } from '@lameduck/adapter-kafkajs'
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { Kafka } from 'kafkajs'
import pg from 'pg'

const { DATABASE_URL, KAFKA_BROKERS, ID, GRACE_MS } = process.env

class Sink {
  rows = []
  timer = setInterval(() => this.flush(), 30_000)

  constructor(pool, consumer) {
    Object.assign(this, { pool, consumer })
  }

  async take({ topic, partition, message }) {
    this.rows.push({ topic, partition, offset: message.offset, text: message.value.toString() })
    console.log('took', this.rows.at(-1).text)
    if (this.rows.length >= 12) await this.flush()
  }

  async flush() {
    const rows = this.rows.splice(0)
    if (rows.length === 0) return
    await this.pool.query('INSERT INTO sunk SELECT unnest($1::text[])', [rows.map(({ text }) => text)])
    const ends = new Map(rows.map(({ topic, partition, offset }) => [`${topic} ${partition}`, { topic, partition, offset: String(BigInt(offset) + 1n) }]))
    await this.consumer.commitOffsets([...ends.values()])
  }

  async close() {
    clearInterval(this.timer)
    await this.flush()
  }
}

const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 3, connectionTimeoutMillis: 5_000 })
const consumer = drainableKafka(Kafka, { brokers: [KAFKA_BROKERS], logLevel: 0 }).consumer({ groupId: ID })
const sink = new Sink(pool, consumer)

const db = lifecycle.add(pgPool(pool, { onError: () => {} }))
const source = lifecycle.add(kafkaConsumer(consumer, { topics: [ID], fromBeginning: true, autoCommit: false, eachMessage: (payload) => sink.take(payload) }), { needs: [db] })
lifecycle.add({ name: 'sink', phase: 'intake', inFlight: () => sink.rows.length, drain: () => sink.close(), force() {} }, { needs: [source, db] })
await bindProcess(lifecycle).ready()
console.log('ready')
