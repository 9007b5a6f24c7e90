import { localhost } from '@lameduck/servers'
import { once } from 'node:events'
import { describe, expect, onTestFinished, test } from 'vitest'
import { blockingRedis, redis } from '../src/index.ts'
import { countSettled, drainContext, neverWithin, timeForce } from './contexts.ts'
import { versions, type Redis, type RedisOptions5 } from './harness.ts'
import { useServer } from './server-subjects.ts'
import { startTlsProxy } from './servers/tls-proxy.ts'

const { server, nextKey, create: createWith, connected: connectWith } = useServer()

describe.each(versions)('redis() with ioredis $version', ({ Redis, version }) => {
  const create = (options?: RedisOptions5): Redis => createWith(Redis, options)
  const connected = (options?: RedisOptions5): Promise<Redis> => connectWith(Redis, options)

  async function read(key: string): Promise<string | null> {
    return (await connected()).get(key)
  }

  test('pipelines and transactions in flight are finished', async () => {
    const [client, key] = [await connected(), nextKey()]
    const pipeline = client.pipeline()
    const transaction = client.multi()
    for (let command = 0; command < 100; command += 1) {
      pipeline.incr(key)
      transaction.incr(key)
    }
    const results = [pipeline.exec(), transaction.exec()]
    await redis(client).drain(drainContext(5_000))
    for (const result of await Promise.all(results)) expect(result?.filter(([error]) => error === null)).toHaveLength(100)
    expect(await read(key)).toBe('200')
  })

  test('a frozen server: force settles pipelines and transactions, and the report names their commands', async () => {
    const client = await connected()
    const resource = redis(client)
    await server().freeze()
    const pipeline = client.pipeline().incr('a').get('a').exec()
    const transaction = client.multi().incr('a').exec()
    expect(resource.waitingFor?.()).toEqual(['INCR ×2: sent, may have been done', 'GET: sent, may have been done', 'MULTI: sent, may have been done', 'EXEC: sent, may have been done'])
    expect(await timeForce(resource)).toBeLessThan(50)
    expect((await pipeline)?.map(([error]) => error?.message)).toEqual(['INCR', 'GET'].map((what) => expect.stringContaining(`was cut, since its time in the stop was over: it is not known whether this was done (${what})`) as string))
    await expect(transaction).rejects.toMatchObject({ code: 'cut' })
  })

  test('commands of the tick of the cut, which auto-pipelining has not written yet, are settled by it', async () => {
    const client = await connected({ enableAutoPipelining: true })
    const resource = redis(client)
    const commands = [client.incr('a'), client.get('a')]
    expect(resource.waitingFor?.()).toEqual(['INCR: not sent', 'GET: not sent'])
    expect(await timeForce(resource)).toBeLessThan(50)
    for (const command of commands) await expect(command).rejects.toMatchObject({ name: 'LifecycleError', code: 'cut' })
    expect(resource.waitingFor?.()).toEqual([])
  })

  test('a script that the server has forgotten is sent again before the connection closes; the naive quit() loses it', async () => {
    for (const end of ['drain', 'quit'] as const) {
      const [client, admin, key] = [await connected(), await connected(), nextKey()]
      client.defineCommand('bump', { numberOfKeys: 1, lua: 'return redis.call("incr", KEYS[1])' })
      const bump = (): Promise<unknown> => (client as unknown as { bump(key: string): Promise<unknown> }).bump(key)
      await bump()
      await admin.script('FLUSH')
      const bumped = countSettled([bump(), bump(), bump()])
      // The server resets a connection on which something arrives after QUIT; then that rejects too, at times.
      await (end === 'drain' ? redis(client).drain(drainContext(5_000)) : client.quit().catch(() => {}))
      expect(await bumped).toEqual(end === 'drain' ? { fulfilled: 3, rejected: 0 } : { fulfilled: 0, rejected: 3 })
      expect(await admin.get(key)).toBe(end === 'drain' ? '4' : '1')
    }
  })

  test('a frozen server that nobody waits for costs the goodbye, and is no failure; the naive quit() waits for ever', async () => {
    const [client, naive] = [await connected(), await connected()]
    const resource = redis(client)
    await server().freeze()
    const quit = naive.quit()
    quit.catch(() => {})
    await resource.drain(drainContext(5_000))
    expect(client.status).toBe('end')
    expect(await neverWithin(1, quit)).toBe(true)
  })

  test('a lazyConnect client that was used, and is still connecting, sends what it was given', async () => {
    const [client, key] = [create({ lazyConnect: true, enableAutoPipelining: true }), nextKey()]
    const resource = redis(client)
    const commands = [client.incr(key), client.incr(key)]
    await resource.drain(drainContext(5_000))
    expect(await countSettled(commands)).toEqual({ fulfilled: 2, rejected: 0 })
    expect(client.status).toBe('end')
    expect(await read(key)).toBe('2')
  })

  test('an error that the server answers is no loss', async () => {
    const [client, key] = [await connected(), nextKey()]
    await client.set(key, 'text')
    const refused = expect(client.incr(key)).rejects.toThrow('not an integer')
    const resource = redis(client)
    await resource.drain(drainContext(5_000))
    await refused
    expect(resource.tally?.()).toMatchObject({ done: 1, failed: 0 })
  })

  test('a client that monitors is closed, and is no client of its own to the one that it came from', async () => {
    for (const end of ['drain', 'force'] as const) {
      const client = await connected()
      const monitor = await client.monitor()
      const resource = blockingRedis(monitor)
      await resource.start?.({ signal: new AbortController().signal })
      await resource.check?.({ signal: new AbortController().signal })
      if (end === 'drain') await resource.drain(drainContext(5_000))
      else expect(await timeForce(resource)).toBeLessThan(50)
      if (monitor.status !== 'end') await once(monitor, 'end')
      expect(await client.ping()).toBe('PONG')
    }
  })

  test.each<[string, RedisOptions5]>([
    ['autoResendUnfulfilledCommands: false', { autoResendUnfulfilledCommands: false }],
    ['keepAlive, keyPrefix, db and stringNumbers', { keepAlive: 1_000, keyPrefix: 'p:', db: 3, stringNumbers: true }],
    // 5.4.0 writes to stdout for each reply when it has a socketTimeout.
    ['commandTimeout and socketTimeout', { commandTimeout: 20_000, ...(version !== '5.4.0' && { socketTimeout: 60_000 }) }],
    ['enableReadyCheck: false', { enableReadyCheck: false }],
  ])('with %s drain finishes what is in flight, and force settles it', async (_options, options) => {
    const [client, key] = [await connected(options), nextKey()]
    const commands = Array.from({ length: 100 }, () => client.incr(key))
    await redis(client).drain(drainContext(5_000))
    expect(await countSettled(commands)).toEqual({ fulfilled: 100, rejected: 0 })
    const other = create({ ...options, lazyConnect: true })
    await other.connect()
    await server().freeze()
    const cut = [other.get(key), other.get(key)]
    await timeForce(redis(other))
    expect(await countSettled(cut)).toEqual({ fulfilled: 0, rejected: 2 })
  })

  test('TLS: drains, and is cut from a server that does not answer', async () => {
    const { hostname, port } = new URL(server().url)
    const proxy = await startTlsProxy(hostname, Number(port))
    onTestFinished(() => proxy.stop())
    const tls = { host: '127.0.0.1', port: proxy.port, tls: { ca: localhost.cert, servername: 'localhost' } }
    const [drained, forced] = [new Redis(tls), new Redis(tls)]
    const key = nextKey()
    await Promise.all([drained.ping(), forced.ping()])
    const commands = Array.from({ length: 100 }, () => drained.incr(key))
    await redis(drained).drain(drainContext(5_000))
    expect(await countSettled(commands)).toEqual({ fulfilled: 100, rejected: 0 })
    await server().freeze()
    const cut = [forced.incr(key), forced.incr(key)]
    expect(await timeForce(redis(forced))).toBeLessThan(50)
    expect(await countSettled(cut)).toEqual({ fulfilled: 0, rejected: 2 })
    if (forced.status !== 'end') await once(forced, 'end')
  })

  test('what duplicate() makes is a client of its own', async () => {
    const [client, key] = [await connected(), nextKey()]
    const other = client.duplicate()
    onTestFinished(() => other.disconnect())
    await redis(client).drain(drainContext(5_000))
    expect(await other.incr(key)).toBe(1)
  })

})

test('refuses what is no client of ioredis', () => {
  expect(() => redis({ isReady: true, close: () => {} } as never)).toThrow(/^redis\(\) takes a Redis or Cluster of ioredis; it was given .* \(object\)\. A client of the package redis is another one\.$/)
  expect(() => redis(undefined as never)).toThrow('it was given undefined (undefined)')
})
