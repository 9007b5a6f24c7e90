import { Client } from 'pg'
import { consumersAtRest, type GroupProgress } from './consumers-at-rest.ts'
import { namesFor, type Config } from './config.ts'
import { createKafka } from './create-kafka.ts'
import { readTopic, type PublishedEvent } from './read-topic.ts'

export interface VerdictOptions extends Pick<Config, 'databaseUrl' | 'kafkaBrokers' | 'prefix'> {
  /** Ids of the orders that were answered 201, as the clients recorded them. */
  readonly accepted: readonly string[]
  /**
   * How long the consumer group's progress may stand still before the verdict no longer waits for it, in ms. Above
   * the session timeout (6 s here), because that is how long the partitions of a killed consumer lie idle.
   * @default 10000
   */
  readonly standstillMs?: number
  /** Aborting it rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** Orders, counted in the table. `undefined` without a database: memory is gone with its process. */
export interface OrdersVerdict {
  /** Distinct ids that were answered 201. */
  readonly accepted: number
  /** Ids of accepted orders without a row. */
  readonly missing: readonly string[]
}

/** Events, counted in the topic and in the table of shipments. An event is one offset of one partition. */
export interface EventsVerdict {
  /** Events in the topic. */
  readonly published: number
  /** Rows in the table of shipments. */
  readonly shipments: number
  /** Ids of accepted orders without an event in the topic. */
  readonly unpublished: readonly string[]
  /** Events of an order that already had one: the producer sent it twice. */
  readonly publishedTwice: number
  /** Events that the group's committed offset has passed and that left no shipment row: nobody will ever handle them. */
  readonly lost: number
  /** Shipment rows beyond the first of the same event: it was handled more than once. */
  readonly duplicated: number
  /** Events without a shipment row that the group has yet to reach; 0 when `caughtUp`. They are late, not lost. */
  readonly pending: number
  /** Whether the group's committed offsets had reached the end of the topic when the counting began. */
  readonly caughtUp: boolean
}

export interface Verdict {
  readonly orders: OrdersVerdict | undefined
  /** `undefined` without Kafka or without a database (shipments are rows). */
  readonly events: EventsVerdict | undefined
}

/**
 * Counts what became of the accepted orders, from the real topic and the real tables, with connections of its own.
 *
 * Waits first until the consumer group has committed up to the end of the topic, or its progress has stood still for
 * `standstillMs`. Call it when no more orders are placed, and while consumers still run if `pending` shall be 0.
 * It reads every event of the topic from the first offset that is still there.
 */
export async function verdict(options: VerdictOptions): Promise<Verdict> {
  const { databaseUrl, kafkaBrokers, prefix, standstillMs = 10_000, signal } = options
  const accepted = new Set(options.accepted)
  if (databaseUrl === undefined) return { orders: undefined, events: undefined }
  const { schema, topic, group } = namesFor(prefix)
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const orders = await ordersVerdict(client, schema, accepted)
    if (kafkaBrokers.length === 0) return { orders, events: undefined }
    const kafka = createKafka(kafkaBrokers, 'verdict')
    const progress = await consumersAtRest(kafka, { topic, group, standstillMs, ...(signal && { signal }) })
    const published = await readTopic(kafka, { topic, ...(signal && { signal }) })
    return { orders, events: countEvents(accepted, published, await shipments(client, schema), progress) }
  } finally {
    await client.end()
  }
}

async function ordersVerdict(client: Client, schema: string, accepted: ReadonlySet<string>): Promise<OrdersVerdict> {
  const { rows } = await client.query<{ id: string }>(`select id from ${schema}.orders where id = any ($1::uuid[])`, [[...accepted]])
  const present = new Set(rows.map((row) => row.id))
  return { accepted: accepted.size, missing: [...accepted].filter((id) => !present.has(id)) }
}

interface Shipment {
  readonly partition: number
  readonly offset: string
  readonly times: number
}

async function shipments(client: Client, schema: string): Promise<readonly Shipment[]> {
  const { rows } = await client.query<Shipment>(
    `select "partition", "offset"::text as "offset", count(*)::int as times from ${schema}.shipments group by 1, 2`,
  )
  return rows
}

function countEvents(
  accepted: ReadonlySet<string>,
  published: readonly PublishedEvent[],
  shipped: readonly Shipment[],
  progress: GroupProgress,
): EventsVerdict {
  const orderIds = new Set(published.map((event) => event.orderId))
  const timesShipped = new Map(shipped.map((shipment) => [`${shipment.partition}/${shipment.offset}`, shipment.times]))
  const unshipped = published.filter((event) => !timesShipped.has(`${event.partition}/${event.offset}`))
  const lost = unshipped.filter((event) => BigInt(event.offset) < (progress.committed.get(event.partition) ?? 0n))
  return {
    published: published.length,
    shipments: shipped.reduce((sum, shipment) => sum + shipment.times, 0),
    unpublished: [...accepted].filter((id) => !orderIds.has(id)),
    publishedTwice: published.length - orderIds.size,
    lost: lost.length,
    duplicated: shipped.reduce((sum, shipment) => sum + shipment.times - 1, 0),
    pending: unshipped.length - lost.length,
    caughtUp: progress.caughtUp,
  }
}
