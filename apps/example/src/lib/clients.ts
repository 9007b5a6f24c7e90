import { Redis } from 'ioredis'
import { logLevel, Partitioners, type Consumer, type ConsumerConfig, type Kafka, type KafkaConfig, type Producer } from 'kafkajs'
import { Pool } from 'pg'
import { namesFor, type Config } from './config.ts'

/** Connections to the outside, made but not connected. What the configuration does not name is missing. */
export interface Clients {
  readonly pool: Pool | undefined
  readonly redis: Redis | undefined
  readonly producer: Producer | undefined
  /** Also missing without a database: shipments are rows. */
  readonly consumer: Consumer | undefined
}

export function createPool(databaseUrl: string): Pool {
  const pool = new Pool({ connectionString: databaseUrl, max: 10, connectionTimeoutMillis: 5_000 })
  // Without a listener, an idle connection that breaks ends the process.
  pool.on('error', (error) => console.error(`orders: PostgreSQL: ${error.message}`))
  return pool
}

export function createRedis(redisUrl: string): Redis {
  const redis = new Redis(redisUrl, { lazyConnect: true, maxRetriesPerRequest: 1 })
  redis.on('error', (error) => console.error(`orders: Redis: ${error.message}`))
  return redis
}

function kafkaConfig(config: Config): KafkaConfig {
  return { clientId: config.prefix, brokers: [...config.kafkaBrokers], logLevel: logLevel.NOTHING, connectionTimeout: 3_000 }
}

/** A member that dies is missed after 6 s; an idle fetch returns after 0.5 s, so that a stop never waits longer for it. */
function consumerConfig(config: Config): ConsumerConfig {
  return { groupId: namesFor(config.prefix).group, sessionTimeout: 6_000, heartbeatInterval: 1_000, maxWaitTimeInMs: 500 }
}

export function createProducer(kafka: Kafka): Producer {
  return kafka.producer({ allowAutoTopicCreation: false, createPartitioner: Partitioners.DefaultPartitioner })
}

/** All of them. `makeKafka` is `new Kafka(…)`, or what lameduck needs in its place. */
export function createClients(config: Config, makeKafka: (settings: KafkaConfig) => Kafka): Clients {
  const kafka = config.kafkaBrokers.length > 0 ? makeKafka(kafkaConfig(config)) : undefined
  return {
    pool: config.databaseUrl === undefined ? undefined : createPool(config.databaseUrl),
    redis: config.redisUrl === undefined ? undefined : createRedis(config.redisUrl),
    producer: kafka && createProducer(kafka),
    consumer: config.databaseUrl === undefined ? undefined : kafka?.consumer(consumerConfig(config)),
  }
}
