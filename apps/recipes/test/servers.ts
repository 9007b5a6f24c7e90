import { serveBrokers, serveTests } from '@lameduck/servers/vitest'

export async function setup(): Promise<() => Promise<void>> {
  const stops = await Promise.all([serveTests('postgres', 'redis')(), serveBrokers('rabbitmq')()])
  return async () => void (await Promise.all(stops.map((stop) => stop())))
}
