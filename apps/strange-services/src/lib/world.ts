import { Redis } from 'ioredis'
import pg from 'pg'
import { viewKafka, type KafkaView } from './kafka-view.ts'

export interface Urls {
  readonly postgres: string
  readonly redis: string
  readonly kafka: string
}

/** The servers as somebody outside of the services sees them, on connections that nothing is done to. */
export interface World {
  readonly urls: Urls
  readonly pool: pg.Pool
  readonly redis: Redis
  readonly kafka: KafkaView
  close(): Promise<void>
}

export async function openWorld(urls: Urls): Promise<World> {
  const pool = new pg.Pool({ connectionString: urls.postgres, max: 8, connectionTimeoutMillis: 10_000 })
  pool.on('error', () => {})
  const redis = new Redis(urls.redis)
  const kafka = await viewKafka(urls.kafka)
  return {
    urls,
    pool,
    redis,
    kafka,
    async close() {
      redis.disconnect()
      await Promise.all([pool.end(), kafka.close()])
    },
  }
}

/** The URLs that tests and commands are given. */
export function urlsFrom(env: NodeJS.ProcessEnv): Urls {
  return { postgres: env['DATABASE_URL'] ?? '', redis: env['REDIS_URL'] ?? '', kafka: env['KAFKA_BROKERS'] ?? '' }
}
