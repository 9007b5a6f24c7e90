import { createLifecycle } from '@lameduck/core'
import { localhost } from '@lameduck/servers'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { blockingRedis } from '../src/index.ts'
import { countSettled, drainContext, neverWithin, timeForce } from './contexts.ts'
import { connectTo, versions, type Redis, type RedisOptions5 } from './harness.ts'
import { untilBlocked, useServer } from './server-subjects.ts'
import { startNode, type Node } from './servers/nodes.ts'
import { startTlsProxy } from './servers/tls-proxy.ts'

const { server, nextKey, connected: connectWith } = useServer()

describe.each(versions)('blockingRedis() with ioredis $version', ({ Redis }) => {
  const connected = (options?: RedisOptions5): Promise<Redis> => connectWith(Redis, options)

  test.each<[command: string, block: (client: Redis, key: string) => Promise<unknown>, prepare?: (admin: Redis, key: string) => Promise<unknown>]>([
    ['BLPOP', (client, key) => client.blpop(key, 0)],
    ['BRPOPLPUSH', (client, key) => client.brpoplpush(key, `${key}:to`, 0)],
    ['BLMOVE', (client, key) => client.blmove(key, `${key}:to`, 'LEFT', 'RIGHT', 0)],
    ['BZPOPMIN', (client, key) => client.bzpopmin(key, 0)],
    ['XREAD', (client, key) => client.xread('BLOCK', 0, 'STREAMS', key, '$')],
    ['XREADGROUP', (client, key) => client.xreadgroup('GROUP', 'group', 'me', 'BLOCK', 0, 'STREAMS', key, '>'), (admin, key) => admin.xgroup('CREATE', key, 'group', '$', 'MKSTREAM')],
  ])('%s that blocks for ever is ended by the server; the naive quit() waits for ever', async (command, block, prepare) => {
    for (const end of ['drain', 'quit'] as const) {
      const [client, admin, key] = [await connected(), await connected(), nextKey()]
      await prepare?.(admin, key)
      const blocked = block(client, key)
      await untilBlocked(admin, 1)
      if (end === 'drain') {
        const resource = blockingRedis(client)
        expect(resource.waitingFor?.()).toContain(`${command}: sent, may have been done`)
        await resource.drain(drainContext(5_000))
        expect(await blocked).toBeNull()
        expect(client.status).toBe('end')
      } else {
        blocked.catch(() => {})
        const quit = client.quit()
        quit.catch(() => {})
        expect(await neverWithin(300, quit)).toBe(true)
        client.disconnect()
        client.stream.destroy()
      }
      await untilBlocked(admin, 0)
    }
  })

  test('an element that is popped while the connection is being closed is delivered; disconnect() loses it', async () => {
    for (const end of ['drain', 'disconnect'] as const) {
      const [client, admin, key] = [await connected({ disconnectTimeout: 100 }), await connected(), nextKey()]
      const resource = blockingRedis(client)
      const popped = client.blpop(key, 0).catch(() => undefined)
      await untilBlocked(admin, 1)
      await server().freeze()
      const pushed = admin.rpush(key, 'element')
      if (end === 'drain') {
        const draining = resource.drain(drainContext(20_000))
        expect(await neverWithin(300, Promise.resolve(draining))).toBe(true)
        await server().thaw()
        await draining
        expect(await popped).toEqual([key, 'element'])
      } else {
        const closed = once(client, 'end')
        client.disconnect()
        await closed
        await server().thaw()
        expect(await popped).toBeUndefined()
        await pushed
        expect(await admin.llen(key)).toBe(0)
      }
    }
  })

  test('a command that was blocked before it was registered is found by its address', async () => {
    const [client, admin] = [await connected(), await connected()]
    const blocked = client.blpop(nextKey(), 0)
    await untilBlocked(admin, 1)
    await blockingRedis(client).drain(drainContext(5_000))
    expect(await blocked).toBeNull()
  })

  test('a client that ended and was connected again is known again', async () => {
    const [client, admin] = [await connected(), await connected()]
    const resource = blockingRedis(client)
    const ended = once(client, 'end')
    client.disconnect()
    await ended
    await client.connect()
    const blocked = client.blpop(nextKey(), 0)
    await untilBlocked(admin, 1)
    await resource.drain(drainContext(5_000))
    expect(await blocked).toBeNull()
  })

  test('several blocked connections end side by side', async () => {
    const admin = await connected()
    const clients = await Promise.all(Array.from({ length: 5 }, () => connected()))
    const lifecycle = createLifecycle({ env: {} })
    for (const [index, client] of clients.entries()) lifecycle.add(blockingRedis(client, { name: `consumer ${index}` }))
    await lifecycle.start()
    const blocked = clients.map((client) => client.blpop(nextKey(), 0))
    await untilBlocked(admin, 5)
    expect((await lifecycle.stop()).result).toBe('clean')
    expect(await Promise.all(blocked)).toEqual([null, null, null, null, null])
    expect(/connected_clients:(\d+)/.exec(await admin.info('clients'))?.[1]).toBe('1')
  })

  test('knows its connection again after a reconnect', async () => {
    const [client, admin] = [await connected(), await connected()]
    const resource = blockingRedis(client)
    await client.ping()
    const ready = once(client, 'ready')
    await admin.client('KILL', 'ID', await client.client('ID'))
    await ready
    const blocked = client.blpop(nextKey(), 0)
    await resource.drain(drainContext(5_000))
    expect(await blocked).toBeNull()
  })

  test('a server that refuses CLIENT UNBLOCK: the command is cut at the deadline, and the report says why', async () => {
    const admin = await connected()
    await admin.acl('SETUSER', 'reader', 'on', '>secret', '~*', '&*', '+@all', '-client|unblock')
    const client = await connected({ username: 'reader', password: 'secret' })
    const lifecycle = createLifecycle({ env: {}, policy: { phases: { intake: { timeoutMs: 300, reserveMs: 300 } } } })
    lifecycle.add(blockingRedis(client))
    await lifecycle.start()
    const blocked = client.blpop(nextKey(), 0)
    const report = await lifecycle.stop()
    expect(report.steps.find(({ name }) => name === 'redis (blocking)')).toMatchObject({
      outcome: 'forced',
      waitingFor: ['BLPOP: sent, may have been done', expect.stringMatching(/^CLIENT UNBLOCK, which failed: NOPERM /)],
    })
    expect(await countSettled([blocked])).toEqual({ fulfilled: 0, rejected: 1 })
  })

  test.each(['healthy', 'frozen'])('force of a blocked connection of a %s server takes below 50 ms, while its drain is pending', async (state) => {
    const [client, admin] = [await connected(), await connected()]
    const resource = blockingRedis(client)
    const blocked = client.blpop(nextKey(), 0)
    await untilBlocked(admin, 1)
    if (state === 'frozen') await server().freeze()
    const abort = new AbortController()
    const draining = Promise.resolve(resource.drain(drainContext(20_000, abort.signal))).catch(() => {})
    if (state === 'frozen') expect(await neverWithin(200, draining)).toBe(true)
    abort.abort()
    expect(await timeForce(resource)).toBeLessThan(50)
    await expect(blocked).rejects.toMatchObject({ code: 'cut', resource: 'redis (blocking)' })
    await draining
    await server().thaw()
    await expect.poll(async () => /connected_clients:(\d+)/.exec(await admin.info('clients'))?.[1]).toBe('1')
  })

  test('warns of what makes ioredis give up a blocked command by itself: commandTimeout loses an element', async () => {
    const [client, admin, key] = [await connected({ commandTimeout: 50 }), await connected(), nextKey()]
    expect(blockingRedis(client).warnings).toEqual([expect.stringMatching(/^commandTimeout is 50: .* Leave commandTimeout out/)])
    expect(blockingRedis(admin).warnings).toEqual([])
    await expect(client.blpop(key, 0)).rejects.toThrow('Command timed out')
    await admin.rpush(key, 'element')
    expect(await admin.llen(key)).toBe(0)
  })
})

describe.each(versions)('subscribers with ioredis $version', ({ Redis }) => {
  test.each(['drain', 'force'] as const)('%s ends subscriptions: channels, patterns, sharded', async (end) => {
    for (const frozen of end === 'force' ? [false, true] : [false]) {
      const client = connectTo(server(), Redis)
      const resource = blockingRedis(client)
      const channel = nextKey()
      await client.subscribe(channel)
      await client.psubscribe(`${channel}:*`)
      await client.ssubscribe(`${channel}:sharded`)
      const admin = connectTo(server(), Redis)
      onTestFinished(() => admin.disconnect())
      expect((await admin.pubsub('NUMSUB', channel))[1]).toBe(1)
      if (frozen) await server().freeze()
      if (end === 'drain') await resource.drain(drainContext(5_000))
      else expect(await timeForce(resource)).toBeLessThan(50)
      if (client.status !== 'end') await once(client, 'end')
      await server().thaw()
      await expect.poll(async () => (await admin.pubsub('NUMSUB', channel))[1]).toBe(0)
    }
  })

  test('what was published before the signal is delivered, also when it arrives in the tick of the signal', async () => {
    const [client, admin] = [connectTo(server(), Redis), connectTo(server(), Redis)]
    onTestFinished(() => admin.disconnect())
    const lifecycle = createLifecycle({ env: {} })
    lifecycle.add(blockingRedis(client))
    await lifecycle.start()
    const channel = nextKey()
    const messages: string[] = []
    let stopped: ReturnType<typeof lifecycle.stop> | undefined
    const onMessage = async (_channel: string, message: string): Promise<void> => {
      messages.push(message)
      if (message === '100') stopped = lifecycle.stop()
    }
    client.on('message', onMessage as (channel: string, message: string) => void)
    await client.subscribe(channel)
    await Promise.all(Array.from({ length: 200 }, (_, index) => admin.publish(channel, String(index))))
    await expect.poll(() => stopped).toBeDefined()
    expect((await stopped)?.result).toBe('clean')
    expect(messages.slice(0, 101)).toEqual(Array.from({ length: 101 }, (_, index) => String(index)))
    expect(messages).toEqual(Array.from({ length: messages.length }, (_, index) => String(index)))
  })
})

describe.each(versions)('addresses of another kind, with ioredis $version', ({ Redis }) => {
  const hasIpv6 = Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === '::1'))
  let folder: string
  let node: Node
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lameduck-redis-'))
    node = await startNode(['--unixsocket', join(folder, 'socket'), '--bind', '127.0.0.1', ...(hasIpv6 ? ['::1'] : [])])
  })
  afterAll(async () => {
    await node.stop()
    await rm(folder, { recursive: true })
  })

  async function blockedOn(options: RedisOptions5): Promise<{ client: Redis; block: () => Promise<{ blocked: Promise<unknown> }> }> {
    const client = new Redis(options)
    onTestFinished(() => client.disconnect())
    await client.ping()
    const block = async (): Promise<{ blocked: Promise<unknown> }> => {
      const blocked = client.blpop(nextKey(), 0)
      blocked.catch(() => {})
      await untilBlocked(node.admin, 1)
      return { blocked }
    }
    return { client, block }
  }

  test.skipIf(!hasIpv6)('IPv6: a command that was blocked before it was registered is found', async () => {
    const { client, block } = await blockedOn({ host: '::1', port: node.port, family: 6 })
    const { blocked } = await block()
    await blockingRedis(client).drain(drainContext(5_000))
    expect(await blocked).toBeNull()
  })

  test('a Unix socket, with db and keyPrefix: a blocked command is ended', async () => {
    const { client, block } = await blockedOn({ path: join(folder, 'socket'), db: 3, keyPrefix: 'prefix:' })
    const resource = blockingRedis(client)
    const { blocked } = await block()
    await resource.drain(drainContext(5_000))
    expect(await blocked).toBeNull()
  })

  test('TLS, with a certificate for the name that was connected to: a blocked command is ended', async () => {
    const proxy = await startTlsProxy(node.host, node.port)
    onTestFinished(() => proxy.stop())
    // The tests' certificate is made out to addresses too.
    const checkServerIdentity = (name: string): Error | undefined => (name === 'localhost' ? undefined : new Error(`not the name: ${name}`))
    const { client, block } = await blockedOn({ host: 'localhost', family: 4, port: proxy.port, tls: { ca: localhost.cert, checkServerIdentity } })
    const resource = blockingRedis(client)
    const { blocked } = await block()
    await resource.drain(drainContext(5_000))
    expect(await blocked).toBeNull()
  })

  test('a Unix socket: a command that was blocked before it was registered cannot be found, and the report says so', async () => {
    const { client, block } = await blockedOn({ path: join(folder, 'socket') })
    const { blocked } = await block()
    const resource = blockingRedis(client)
    const abort = new AbortController()
    const draining = Promise.resolve(resource.drain(drainContext(20_000, abort.signal))).catch(() => {})
    await expect.poll(() => resource.waitingFor?.()).toContainEqual(expect.stringMatching(/^CLIENT UNBLOCK, which failed: .* does not know it by its address, a Unix socket$/))
    abort.abort()
    await timeForce(resource)
    await draining
    await expect(blocked).rejects.toMatchObject({ code: 'cut', resource: 'redis (blocking)' })
  })
})
