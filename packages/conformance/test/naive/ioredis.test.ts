import type { Resource } from '@lameduck/core'
import type { Server } from '@lameduck/servers'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Harness } from '../../src/index.ts'
import { doneRight, isDone, linkTo, outcomeOf, overLink, startPrivate, verdictOn, type Linked } from './verdict.ts'

let server: Server
let admin: Redis
let keys = 0
beforeAll(async () => {
  server = await startPrivate('redis')
  admin = new Redis(server.url)
})
afterAll(async () => {
  admin.disconnect()
  await server.stop()
})

interface RedisSubject extends Linked {
  readonly client: Redis
}

function redisHarness(members: Harness<RedisSubject>['members'], naive: (client: Redis) => Partial<Resource> & Pick<Resource, 'drain'>): Harness<RedisSubject> {
  return {
    ...overLink,
    members,
    afterQuiesce: 'serves',
    async create() {
      const link = await linkTo(server)
      const client = new Redis({ host: link.host, port: link.port, lazyConnect: true })
      return { link, client, resource: { name: 'redis', phase: 'connections', ...naive(client) } }
    },
    async dispose({ link, client }) {
      client.on('error', () => {})
      client.disconnect()
      client.stream?.destroy()
      await link.close()
    },
    open: ({ client }) => client.connect(),
    busy({ client }) {
      const key = `naive:${(keys += 1)}`
      return { outcome: outcomeOf(client.blpop(key, 0)), finish: async () => void (await admin.rpush(key, 'x')) }
    },
    offer: ({ client }) => isDone(client.incr('naive')),
  }
}

test('quit(), and disconnect() when time is up', async () => {
  const { fails, passes } = await verdictOn(redisHarness(['force'], (client) => ({ drain: async () => void (await client.quit()), force: () => client.disconnect() })))
  expect(fails).toEqual(
    expect.arrayContaining([
      'drain called several times, at once and after one another, is one drain',
      'drain settles soon after it is aborted, with work in flight',
      'drain settles soon after it is aborted, though the peer is frozen',
      'drain with nothing in flight ends by itself, though the peer is frozen',
      'drain with nothing in flight ends by itself when the peer is dead',
      'nothing is left in the process after force with a frozen peer: no timer, no socket',
    ]),
  )
  expect(passes).toEqual(expect.arrayContaining(doneRight))
})

test('disconnect() for both', async () => {
  const { fails, passes } = await verdictOn(redisHarness(['force'], (client) => ({ drain: () => client.disconnect(), force: () => client.disconnect() })))
  expect(fails).toEqual(
    expect.arrayContaining([
      'drain finishes what is in flight, and only then settles',
      'nothing is left in the process after force with a frozen peer: no timer, no socket',
    ]),
  )
  expect(passes).toEqual(expect.arrayContaining(doneRight))
})
