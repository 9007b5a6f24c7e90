import { progress } from './step.mjs'

const names = ['postgres', 'redis', 'kafka']

/**
 * Starts PostgreSQL, Redis and Kafka, prints where each came from, and has them stopped in the end.
 *
 * @returns their URLs as environment variables (empty for one that cannot be had), and why the missing ones are missing
 */
export async function serversFor(onEnd, onExit) {
  const { startServers } = await import('@lameduck/servers')
  const shown = progress('starting PostgreSQL, Redis and Kafka')
  const servers = await startServers({ want: names, onProgress: shown.detail, onExit })
  onEnd(async () => servers.stop())
  shown.end()
  for (const name of names) if (servers[name].ok) process.stdout.write(`${name}: ${servers[name].detail}\n`)
  const url = (server) => (server.ok ? server.url : '')
  return {
    urls: { DATABASE_URL: url(servers.postgres), REDIS_URL: url(servers.redis), KAFKA_BROKERS: url(servers.kafka) },
    missing: names.filter((name) => !servers[name].ok).map((name) => servers[name].message),
  }
}
