import { serveBrokers, serveTests } from '@lameduck/servers/vitest'

/** Side by side: RabbitMQ takes some seconds. */
export async function setup(): Promise<() => Promise<void>> {
  const ends = await Promise.all([serveTests('redis', 'kafka')(), serveBrokers('nats', 'mosquitto', 'rabbitmq')()])
  return async () => void (await Promise.all(ends.map(async (end) => end())))
}
