import { randomBytes } from 'node:crypto'
import type { SetUpConfig } from '../src/lib/set-up.ts'

/** Where the real servers are; the global set-up has started them, or failed the run. */
export const databaseUrl: string = required('DATABASE_URL')
export const redisUrl: string = required('REDIS_URL')
export const kafkaBrokers: readonly string[] = required('KAFKA_BROKERS').split(',')

/** A prefix that nobody else uses. */
export function ownPlaces(): SetUpConfig & { readonly databaseUrl: string } {
  return { databaseUrl, kafkaBrokers, prefix: `test_${randomBytes(5).toString('hex')}` }
}

function required(name: string): string {
  const value = process.env[name]
  if (value === undefined || value === '') throw new Error(`${name} is not set: the global set-up has not run`)
  return value
}
