import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { blockingRedis, redis } from '../src/index.ts'
import type { Internals } from '../src/lib/client-internals.ts'
import { countSettled, drainContext, timeForce } from './contexts.ts'
import { connectTo, versions, type Cluster, type ClusterOptions5, type Redis, type RedisOptions5 } from './harness.ts'
import { runProgram, type Program } from './run-program.ts'
import { useServer } from './server-subjects.ts'

const { server, nextKey, connected: connectWith } = useServer()

describe.each(versions)('redis() with ioredis $version', ({ Redis, Cluster, alias }) => {
  const connected = (options?: RedisOptions5): Promise<Redis> => connectWith(Redis, options)

  async function read(key: string): Promise<string | null> {
    return (await connected()).get(key)
  }

  test('drain finishes 1000 commands in flight', async () => {
    const [client, key] = [await connected(), nextKey()]
    const resource = redis(client)
    const commands = Array.from({ length: 1_000 }, () => client.incr(key))
    expect(resource.inFlight?.()).toBe(1_000)
    await resource.drain(drainContext(5_000))
    expect(await countSettled(commands)).toEqual({ fulfilled: 1_000, rejected: 0 })
    expect(client.status).toBe('end')
    expect(await read(key)).toBe('1000')
  })

  test('drain finishes 500 auto-pipelined commands of the same tick', async () => {
    const [client, key] = [await connected({ enableAutoPipelining: true }), nextKey()]
    const resource = redis(client)
    const commands = Array.from({ length: 500 }, () => client.incr(key))
    expect(resource.inFlight?.()).toBe(500)
    await resource.drain(drainContext(5_000))
    expect(await countSettled(commands)).toEqual({ fulfilled: 500, rejected: 0 })
    expect(await read(key)).toBe('500')
  })

  test('the naive quit() loses 10 of 10 auto-pipelined commands, which is why drain does not begin with it', async () => {
    const [client, key] = [await connected({ enableAutoPipelining: true }), nextKey()]
    const commands = Array.from({ length: 10 }, () => client.incr(key))
    await client.quit()
    expect(await countSettled(commands)).toEqual({ fulfilled: 0, rejected: 10 })
    expect(await read(key)).toBeNull()
  })

  test('a frozen server: force takes below 50 ms, though a drain is pending, and every promise settles', async () => {
    const [client, key] = [await connected({ enableAutoPipelining: true }), nextKey()]
    const resource = redis(client)
    await server().freeze()
    const abort = new AbortController()
    const commands = Array.from({ length: 100 }, () => client.incr(key))
    const draining = Promise.resolve(resource.drain(drainContext(5_000, abort.signal))).catch(() => {})
    await new Promise((resolve) => setImmediate(resolve))
    abort.abort()
    expect(await timeForce(resource)).toBeLessThan(50)
    expect(client.stream.destroyed).toBe(true)
    expect(await countSettled(commands)).toEqual({ fulfilled: 0, rejected: 100 })
    await draining
    if (client.status !== 'end') await once(client, 'end')
    expect(resource.inFlight?.()).toBe(0)
  })

  test('a dead server: force settles the commands that wait for it, and those that come later', async () => {
    const [client, key] = [await connected({ maxRetriesPerRequest: null }), nextKey()]
    const resource = redis(client)
    const closed = new Promise((resolve) => client.once('reconnecting', resolve))
    await server().kill()
    await closed
    const commands = [client.incr(key), client.get(key)]
    expect(resource.inFlight?.()).toBe(2)
    expect(resource.waitingFor?.()).toEqual(['INCR: not sent', 'GET: not sent'])
    expect(await timeForce(resource)).toBeLessThan(50)
    expect(await countSettled(commands)).toEqual({ fulfilled: 0, rejected: 2 })
    expect(client.status).toBe('end')
    await expect(client.incr(key)).rejects.toMatchObject({ code: 'closed', message: expect.stringContaining('(INCR)') })
  })

  test('a dead server: drain gives up what waits after reconnectMs, and says how much', async () => {
    const [client, key] = [await connected({ maxRetriesPerRequest: null }), nextKey()]
    const resource = redis(client, { reconnectMs: 100 })
    const closed = new Promise((resolve) => client.once('reconnecting', resolve))
    await server().kill()
    await closed
    const command = client.incr(key)
    await resource.drain(drainContext(5_000))
    expect(resource.tally?.()).toMatchObject({ done: 0, failed: 1, reasons: [expect.stringMatching(/^INCR: given up while the service stopped, not sent: the client was still "\w+" after 100 ms$/)] })
    await expect(command).rejects.toMatchObject({ code: 'cut', resource: 'redis' })
    expect(client.status).toBe('end')
  })

  test('a dead server with nothing waiting: drain is over at once', async () => {
    const client = await connected()
    const resource = redis(client)
    const closed = new Promise((resolve) => client.once('reconnecting', resolve))
    await server().kill()
    await closed
    await resource.drain(drainContext(5_000))
    expect(client.status).toBe('end')
  })

  test('a server that comes back in time: drain sends what waits', async () => {
    const [client, key] = [await connected({ retryStrategy: () => 20 }), nextKey()]
    const resource = redis(client, { reconnectMs: 10_000 })
    const closed = new Promise((resolve) => client.once('reconnecting', resolve))
    await server().kill()
    await closed
    const command = client.incr(key)
    const drained = resource.drain(drainContext(10_000))
    await server().restart()
    await drained
    expect(await command).toBe(1)
    expect(client.status).toBe('end')
  })

  test('commands that wait to be sent again on a connection that hangs in its handshake are settled by force', async () => {
    const [client, key] = [await connected({ retryStrategy: () => 10, maxRetriesPerRequest: null }), nextKey()]
    const resource = redis(client)
    const blocked = client.blpop(key, 0)
    await server().kill()
    const silent = createServer((socket) => socket.unref().on('error', () => {})).listen(client.options.port, '127.0.0.1')
    try {
      await once(client, 'connect')
      expect(resource.inFlight?.()).toBeGreaterThan(0)
      expect(await timeForce(resource)).toBeLessThan(50)
      await expect(blocked).rejects.toMatchObject({ code: 'cut', message: expect.stringContaining('(BLPOP)') })
    } finally {
      silent.close()
    }
  })

  test('force raises no unhandled rejection, not even for commands that nobody awaits', async () => {
    const unhandled: unknown[] = []
    const onUnhandled = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', onUnhandled)
    onTestFinished(() => void process.off('unhandledRejection', onUnhandled))
    const [client, key] = [await connected(), nextKey()]
    const resource = redis(client)
    await server().freeze()
    for (let command = 0; command < 100; command += 1) void client.incr(key)
    await resource.force?.({ reason: { kind: 'programmatic' }, boundMs: 50 })
    if (client.status !== 'end') await once(client, 'end')
    await new Promise((resolve) => setImmediate(resolve))
    expect(unhandled).toEqual([])
  })

  test('a process whose client is cut while reconnecting ends at once: with the naive disconnect() it stays for 2 s', async () => {
    const run = (how: 'ours' | 'naive'): Program => runProgram(new URL('fixtures/cut-while-reconnecting.mjs', import.meta.url), [server().url, alias, how])
    const [ours, naive] = [run('ours'), run('naive')]
    await Promise.all([ours.printed(/ready/), naive.printed(/ready/)])
    await server().kill()
    const [oursMs, naiveMs] = (await Promise.all([ours.ended, naive.ended])).map(({ lines }) => Number(lines.at(-1)))
    expect(oursMs).toBeLessThan(1_000)
    expect(naiveMs).toBeGreaterThan(1_900)
  })

  test('a client that never connected drains and is forced without connecting', async () => {
    for (const end of ['drain', 'force'] as const) {
      const client = connectTo(server(), Redis, { lazyConnect: true })
      const resource = redis(client)
      await (end === 'drain' ? resource.drain(drainContext(1_000)) : timeForce(resource))
      expect(client.status).toBe('end')
      expect(client.stream).toBeUndefined()
    }
  })

  test('start connects a lazy client, and rejects when the client gives up', async () => {
    const client = connectTo(server(), Redis, { lazyConnect: true, retryStrategy: () => null })
    onTestFinished(() => client.disconnect())
    const resource = redis(client)
    await resource.start?.({ signal: new AbortController().signal })
    expect(client.status).toBe('ready')
    await server().kill()
    const gone = connectTo(server(), Redis, { lazyConnect: true, retryStrategy: () => null })
    await expect(redis(gone).start?.({ signal: new AbortController().signal })).rejects.toThrow('gave up connecting')
  })

  test.each([false, true])('checks of a frozen server end by their own bound and share one PING, which no drain waits for (auto-pipelined: %s)', async (enableAutoPipelining) => {
    const client = await connected({ enableAutoPipelining })
    const resource = redis(client, { checkTimeoutMs: 50 })
    await redis(client).check?.({ signal: new AbortController().signal })
    await server().freeze()
    for (let round = 0; round < 3; round += 1) {
      await expect(resource.check?.({ signal: new AbortController().signal })).rejects.toThrow('no answer to PING within 50 ms')
    }
    expect((client as unknown as Internals).commandQueue?.length).toBe(1)
    expect({ inFlight: resource.inFlight?.(), waitingFor: resource.waitingFor?.() }).toEqual({ inFlight: 0, waitingFor: [] })
    await resource.drain(drainContext(20_000))
    expect(client.status).toBe('end')
  })

  test('warns of maxRetriesPerRequest: null, and of nothing by default', () => {
    const resource = (options: RedisOptions5): readonly string[] | undefined => redis(connectTo(server(), Redis, { lazyConnect: true, ...options })).warnings
    expect(resource({})).toEqual([])
    expect(resource({ maxRetriesPerRequest: null })).toEqual([expect.stringContaining('Set it to a number')])
  })

  test('warns of what a Cluster hands to its nodes only when that does something', () => {
    const redisOptions = { maxRetriesPerRequest: null, autoResendUnfulfilledCommands: false, commandTimeout: 50 }
    const create = (options: ClusterOptions5): Cluster => new Cluster([server().url], { lazyConnect: true, redisOptions, ...options })
    // Its nodes are not connected again, unless that is asked for.
    expect(redis(create({})).warnings).toEqual([])
    const withRetries = create({ clusterNodeRetryStrategy: () => 20 })
    expect(redis(withRetries).warnings).toEqual([expect.stringContaining('Set it to a number')])
    expect(blockingRedis(withRetries).warnings).toEqual([expect.stringMatching(/^commandTimeout is 50/)])
  })
})

test('refuses times that are none', () => {
  const client = connectTo(server(), versions[0].Redis, { lazyConnect: true })
  expect(() => redis(client, { reconnectMs: Number.NaN })).toThrow('redis reconnectMs')
  expect(() => redis(client, { checkTimeoutMs: '1s' as unknown as number })).toThrow('"1s" (string)')
  expect(() => redis(client, { timeoutMs: -1 })).toThrow('redis timeoutMs')
})
