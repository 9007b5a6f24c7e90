import { Client } from 'pg'
import { ConfigError } from './config-error.ts'
import { namesFor, type Config } from './config.ts'
import { createKafka } from './create-kafka.ts'

/** Only what tells where things are. */
export type SetUpConfig = Pick<Config, 'databaseUrl' | 'kafkaBrokers' | 'prefix'>

const partitions = 3

/**
 * Makes the schema, its tables and the topic, unless they exist; safe to call from several replicas at once.
 * Uses connections of its own and closes them.
 *
 * @throws ConfigError, one line, when a server cannot be reached.
 */
export async function setUp(config: SetUpConfig): Promise<void> {
  if (config.databaseUrl !== undefined) await setUpDatabase(config.databaseUrl, namesFor(config.prefix).schema)
  if (config.kafkaBrokers.length > 0) await setUpTopic(config.kafkaBrokers, namesFor(config.prefix).topic)
}

async function setUpDatabase(databaseUrl: string, schema: string): Promise<void> {
  const client = clientFor(databaseUrl)
  try {
    await client.connect()
    // "if not exists" still fails when two sessions create the same thing at the same time.
    await client.query('begin')
    await client.query(`select pg_advisory_xact_lock(hashtext('lameduck example set-up'))`)
    await client.query(`create schema if not exists ${schema}`)
    await client.query(`create table if not exists ${schema}.orders (
      id uuid primary key, item text not null, quantity integer not null, placed_at timestamptz not null)`)
    await client.query(`create table if not exists ${schema}.order_log (
      order_id uuid not null references ${schema}.orders (id), entry text not null, at timestamptz not null default now())`)
    await client.query(`create table if not exists ${schema}.shipments (
      order_id uuid not null, "partition" integer not null, "offset" bigint not null, shipped_at timestamptz not null default now())`)
    await client.query(`create index if not exists shipments_order on ${schema}.shipments (order_id)`)
    await client.query('commit')
  } catch (cause) {
    throw new ConfigError(`PostgreSQL at ${placeOf(databaseUrl)} is not usable: ${textOf(cause)}. Check DATABASE_URL, and that the server is up.`, { cause })
  } finally {
    await client.end().catch(() => {})
  }
}

function clientFor(databaseUrl: string): Client {
  try {
    const client = new Client({ connectionString: databaseUrl, connectionTimeoutMillis: 5_000 })
    // A connection that breaks while idle emits this besides failing the query; without a listener it ends the process.
    client.on('error', () => {})
    return client
  } catch (cause) {
    throw new ConfigError(`DATABASE_URL is not a URL of the form postgres://user:password@host:port/database`, { cause })
  }
}

async function setUpTopic(brokers: readonly string[], topic: string): Promise<void> {
  const admin = createKafka(brokers, 'orders-set-up').admin()
  try {
    await admin.connect()
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: partitions }] })
  } catch (cause) {
    throw new ConfigError(`Kafka at ${brokers.join(', ')} is not usable: ${textOf(cause)}. Check KAFKA_BROKERS, and that the broker is up.`, { cause })
  } finally {
    await admin.disconnect().catch(() => {})
  }
}

/** Host and port without the password. */
function placeOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'DATABASE_URL'
}

/** Node puts refused connections to several addresses into one AggregateError without a message. */
function textOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map((inner) => textOf(inner)).join('; ')
  return error instanceof Error ? error.message : String(error)
}
