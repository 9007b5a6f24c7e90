// Batches in slices of five, written together; between two slices it asks the lifecycle whether to go on.
import { drainableKafka, kafkaConsumer } from '@lameduck/adapter-kafkajs'
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { Kafka } from 'kafkajs'
import pg from 'pg'

const { DATABASE_URL, KAFKA_BROKERS, ID, GRACE_MS } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 5, connectionTimeoutMillis: 5_000 })
const consumer = drainableKafka(Kafka, { brokers: [KAFKA_BROKERS], logLevel: 0 }).consumer({ groupId: ID })

const db = lifecycle.add(pgPool(pool, { onError: () => {} }))
lifecycle.add(
  kafkaConsumer(consumer, {
    topics: [ID],
    fromBeginning: true,
    async eachBatch({ batch, resolveOffset, heartbeat }) {
      const { messages } = batch
      for (let at = 0; at < messages.length; at += 5) {
        if (lifecycle.stopping.aborted) break
        const slice = messages.slice(at, at + 5)
        console.log('slice', at)
        await Promise.all(slice.map(({ value }) => pool.query('INSERT INTO stored SELECT $1 FROM pg_sleep(0.08)', [String(value)])))
        resolveOffset(slice.at(-1).offset)
        await heartbeat()
      }
    },
  }),
  { needs: [db] },
)
await bindProcess(lifecycle).ready()
console.log('ready')
