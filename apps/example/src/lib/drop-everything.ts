import { Client } from 'pg'
import { namesFor } from './config.ts'
import { createKafka } from './create-kafka.ts'
import type { SetUpConfig } from './set-up.ts'

/** Takes away what `setUp` made for this prefix, and its consumer group. No service of the prefix may run any more; cached orders expire by themselves. */
export async function dropEverything({ databaseUrl, kafkaBrokers, prefix }: SetUpConfig): Promise<void> {
  const { schema, topic, group } = namesFor(prefix)
  if (databaseUrl !== undefined) {
    const client = new Client({ connectionString: databaseUrl })
    await client.connect()
    try {
      await client.query(`drop schema if exists ${schema} cascade`)
    } finally {
      await client.end()
    }
  }
  if (kafkaBrokers.length > 0) {
    const admin = createKafka(kafkaBrokers, 'orders-drop').admin()
    await admin.connect()
    try {
      // A group that never existed, or whose killed members are still counted, cannot be deleted; its offsets die with the topic.
      await admin.deleteGroups([group]).catch(() => {})
      if ((await admin.listTopics()).includes(topic)) await admin.deleteTopics({ topics: [topic] })
    } finally {
      await admin.disconnect()
    }
  }
}
