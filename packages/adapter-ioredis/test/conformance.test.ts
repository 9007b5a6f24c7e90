import { resourceSuite } from '@lameduck/conformance'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { redisHarness, resolvedVersion, startRedis, versions, type RedisServer } from './harness.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

describe.each(versions)('ioredis $version', ({ version, alias, Redis }) => {
  test('is the version that runs', () => {
    expect(resolvedVersion(alias)).toMatch(new RegExp(`^${version.replaceAll('.', '\\.')}(\\.|$)`))
  })
  resourceSuite({ test, harness: redisHarness(Redis, () => server) })
})
