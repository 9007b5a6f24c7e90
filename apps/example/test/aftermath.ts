import { setTimeout as delay } from 'node:timers/promises'
import { KafkaJSError, type Kafka } from 'kafkajs'
import { Client } from 'pg'
import { namesFor } from '../src/lib/config.ts'
import { consumersAtRest } from '../src/lib/consumers-at-rest.ts'
import { createKafka } from '../src/lib/create-kafka.ts'
import { readTopic } from '../src/lib/read-topic.ts'
import { verdict, type Verdict, type VerdictOptions } from '../src/lib/verdict.ts'

export interface Aftermath extends Verdict {
  /** Events that left a shipment and whose offset nobody has committed: they will be handled again. */
  readonly comeAgain: readonly { readonly partition: number; readonly offset: string }[]
  /** How many events there are of orders that nobody was told were accepted. */
  readonly unaccepted: number
}

type AftermathOptions = Pick<VerdictOptions, 'kafkaBrokers' | 'prefix' | 'accepted'> & { readonly databaseUrl: string }

/** Nobody consumes any more, so nothing moves. */
const standstillMs = 200

/** Counts in the real servers what a service that has gone has left behind. */
export async function aftermath(options: AftermathOptions): Promise<Aftermath> {
  const { databaseUrl, kafkaBrokers, prefix, accepted } = options
  const { schema, topic, group } = namesFor(prefix)
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await untilAlone(client)
    const kafka = createKafka(kafkaBrokers, 'aftermath')
    await untilCoordinated(kafka, group, topic)
    const counted = await verdict({ ...options, standstillMs })
    const { committed } = await consumersAtRest(kafka, { topic, group, standstillMs: 0 })
    const shipped = await client.query<{ partition: number; offset: string }>(`select distinct "partition", "offset"::text as "offset" from ${schema}.shipments`)
    const events = await readTopic(kafka, { topic })
    return {
      ...counted,
      comeAgain: shipped.rows.filter(({ partition, offset }) => BigInt(offset) >= (committed.get(partition) ?? 0n)),
      unaccepted: events.filter(({ orderId }) => !accepted.includes(orderId)).length,
    }
  } finally {
    await client.end()
  }
}

/** Until no other session is in the database: what the service had sent has been carried out or not, and none of its sessions has stayed. */
async function untilAlone(client: Client): Promise<void> {
  const others = `select 1 from pg_stat_activity where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()`
  while ((await client.query(others)).rowCount !== 0);
}

/** A broker that has just come back answers before it has read who coordinates the group. */
async function untilCoordinated(kafka: Kafka, groupId: string, topic: string): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    for (;;) {
      const answer = await admin.fetchOffsets({ groupId, topics: [topic] }).catch((error: unknown) => error)
      if (Array.isArray(answer)) return
      if (!(answer instanceof KafkaJSError) || !answer.retriable) throw answer
      await delay(50)
    }
  } finally {
    await admin.disconnect()
  }
}
