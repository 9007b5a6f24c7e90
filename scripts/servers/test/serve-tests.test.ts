import { serveTests } from '@lameduck/servers/vitest'
import { Redis } from 'ioredis'
import { afterEach, expect, test } from 'vitest'

const before = process.env['REDIS_URL']
afterEach(() => {
  if (before === undefined) delete process.env['REDIS_URL']
  else process.env['REDIS_URL'] = before
})

test('gives the tests a URL, and takes it away with the server', async () => {
  delete process.env['REDIS_URL']
  const tearDown = await serveTests('redis')()
  const url = process.env['REDIS_URL'] as string | undefined
  const client = new Redis(url ?? '', { retryStrategy: () => null })
  client.on('error', () => {})
  expect(await client.ping()).toBe('PONG')
  await tearDown()
  expect(process.env['REDIS_URL']).toBeUndefined()
  await expect(client.ping()).rejects.toThrow()
})

test('a server that cannot be had fails the run', async () => {
  process.env['REDIS_URL'] = 'redis://127.0.0.1:1'
  await expect(serveTests('redis')()).rejects.toThrow('No Redis: REDIS_URL is set, but no Redis answers at 127.0.0.1:1')
  expect(process.env['REDIS_URL']).toBe('redis://127.0.0.1:1')
})
