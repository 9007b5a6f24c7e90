import { expect, test } from 'vitest'
import { configFrom, namesFor } from './config.ts'

test('leaves out the parts whose address is missing or empty', () => {
  const config = configFrom({ DATABASE_URL: '', KAFKA_BROKERS: ' ' })
  expect(config).toMatchObject({ port: 8080, probePort: 9090, databaseUrl: undefined, redisUrl: undefined, kafkaBrokers: [], prefix: 'orders' })
  expect(config.policy).toEqual({ lameDuck: {} })
})

test('passes the platform values on to the policy, and only those that are given', () => {
  const { policy } = configFrom({ GRACE_MS: '5000', LAME_DUCK_MIN_MS: '0', LAME_DUCK_MAX_MS: '900' })
  expect(policy).toEqual({ graceMs: 5_000, lameDuck: { minMs: 0, maxMs: 900 } })
})

test('splits the brokers', () => {
  expect(configFrom({ KAFKA_BROKERS: 'a:9092,b:9092' }).kafkaBrokers).toEqual(['a:9092', 'b:9092'])
})

test.each([
  [{ PORT: '80a' }, 'PORT must be a whole number from 0 to 65535; it is "80a"'],
  [{ PORT: '65536' }, 'PORT must be a whole number from 0 to 65535; it is "65536"'],
  [{ GRACE_MS: '-1' }, 'GRACE_MS must be a whole number from 0 to 3600000; it is "-1"'],
  [{ PREFIX: 'a; drop schema public' }, 'PREFIX must be small letters, digits and _, beginning with a letter; it is "a; drop schema public"'],
])('refuses %o and says why', (env, message) => {
  expect(() => configFrom(env)).toThrow(message)
})

test('gives each prefix names of its own', () => {
  const a = Object.values(namesFor('a'))
  const b = Object.values(namesFor('b'))
  expect(a.filter((name) => b.includes(name))).toEqual([])
})
