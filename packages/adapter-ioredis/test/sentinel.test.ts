import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { blockingRedis, redis } from '../src/index.ts'
import { countSettled, drainContext, neverWithin, started, timeForce } from './contexts.ts'
import { versions, type Redis, type RedisOptions5, type Version } from './harness.ts'
import { startSentinels, type TestSentinels } from './servers/sentinel.ts'
import { until, type Node } from './servers/nodes.ts'

let servers: TestSentinels
let lastName = 0
beforeAll(async () => {
  servers = await startSentinels()
})
afterAll(() => servers.stop())
afterEach(async () => {
  for (const { server } of [servers.master, servers.replica, ...servers.sentinels]) await server.thaw()
})

const startContext = { signal: new AbortController().signal }

function createClient({ Redis }: Version, options: RedisOptions5 = {}): { client: Redis; name: string } {
  const name = `subject-${(lastName += 1)}`
  const { name: group, sentinels } = servers.options
  const client = new Redis({ name: group, sentinels: [...sentinels], connectionName: name, lazyConnect: true, sentinelCommandTimeout: 1_000, ...options })
  client.on('error', () => {})
  onTestFinished(async () => {
    for (const { server } of servers.sentinels) await server.thaw()
    await redis(client).force?.({ reason: { kind: 'programmatic' }, boundMs: 50 })
  })
  return { client, name }
}

async function connected(version: Version, options: RedisOptions5 = {}): Promise<{ client: Redis; name: string; sentinelConnections: () => Promise<number> }> {
  const before = await countAtSentinels()
  const { client, name } = createClient(version, options)
  const detects = options.failoverDetector ? new Promise<void>((resolve) => client.once('failoverSubscribed', () => resolve())) : undefined
  await redis(client).start?.(startContext)
  await detects
  return { client, name, sentinelConnections: async () => (await countAtSentinels()) - before }
}

/** Connections of clients at all sentinels; those of the sentinels to each other come and go. */
async function countAtSentinels(): Promise<number> {
  const lists = await Promise.all(servers.sentinels.map(async ({ admin }) => String(await admin.client('LIST'))))
  return lists.join('\n').split('\n').filter((line) => line.startsWith('id=') && !line.includes(' name=sentinel-')).length
}

/** The master of now. */
async function master(): Promise<Node> {
  const { admin } = servers.sentinels[0]!
  const [, port] = (await admin.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', servers.options.name)) as [string, string]
  return Number(port) === servers.master.port ? servers.master : servers.replica
}

describe.each(versions)('redis() with Sentinel and ioredis $version', (version) => {
  test.each([false, true])('drain finishes 500 commands in flight (failoverDetector: %s), and leaves no connection to a sentinel', async (failoverDetector) => {
    const { client, name, sentinelConnections } = await connected(version, { failoverDetector })
    const commands = Array.from({ length: 500 }, () => client.incr(name))
    if (failoverDetector) expect(await sentinelConnections()).toBeGreaterThanOrEqual(3)
    await redis(client).drain(drainContext(10_000))
    expect(await countSettled(commands)).toEqual({ fulfilled: 500, rejected: 0 })
    expect(client.status).toBe('end')
    await until(sentinelConnections, (count) => count <= 0, 'connections to sentinels are left')
    expect(await (await master()).admin.get(name)).toBe('500')
  })

  test('the naive quit() leaves the connections of the failoverDetector open', async () => {
    const { client, sentinelConnections } = await connected(version, { failoverDetector: true })
    await client.quit()
    if (client.status !== 'end') await once(client, 'end')
    expect(await neverWithin(300, until(sentinelConnections, (count) => count <= 0, ''))).toBe(true)
  })

  test('a frozen master and frozen sentinels: force takes below 50 ms, every promise settles, nothing stays connected', async () => {
    const { client, name, sentinelConnections } = await connected(version, { failoverDetector: true })
    const resource = redis(client)
    const server = (await master()).server
    await server.freeze()
    for (const { server } of servers.sentinels) await server.freeze()
    const commands = Array.from({ length: 50 }, () => client.incr(name))
    expect(await timeForce(resource)).toBeLessThan(50)
    expect(await countSettled(commands)).toEqual({ fulfilled: 0, rejected: 50 })
    if (client.status !== 'end') await once(client, 'end')
    for (const { server } of servers.sentinels) await server.thaw()
    await server.thaw()
    await until(sentinelConnections, (count) => count <= 0, 'connections to sentinels are left')
  })

  test('sentinels that answer nothing, with a command queued: force settles it, and no socket to a sentinel stays', async () => {
    for (const { server } of servers.sentinels) await server.freeze()
    const before = openSockets()
    const { client } = createClient(version, { sentinelCommandTimeout: 60_000 })
    const resource = redis(client)
    const command = client.incr('queued')
    await until(async () => openSockets(), (count) => count > before, 'no sentinel was asked')
    expect(resource.waitingFor?.()).toEqual(['INCR: not sent'])
    expect(await timeForce(resource)).toBeLessThan(50)
    expect(await countSettled([command])).toEqual({ fulfilled: 0, rejected: 1 })
    expect(client.status).toBe('end')
    await until(async () => openSockets(), (count) => count <= before, 'a socket to a sentinel is left')
  })

  test('commands are counted, and refused after the close', async () => {
    const { client, name } = await connected(version)
    const lifecycle = await started(redis(client))
    const before = countSettled([client.set(name, 'text'), client.incr(name)])
    const report = await lifecycle.stop()
    expect(await before).toEqual({ fulfilled: 1, rejected: 1 })
    expect(report).toMatchObject({ result: 'clean', steps: [{ work: { done: 2, failed: 0 } }] })
    await expect(client.incr(name)).rejects.toMatchObject({ code: 'closed', resource: 'redis' })
  })

  test('sentinels that are all gone, with a command queued: drain gives it up, and asks no sentinel again', async () => {
    const { client } = createClient(version, { sentinels: [{ host: '127.0.0.1', port: 1 }], sentinelRetryStrategy: () => 300 })
    const resource = redis(client, { reconnectMs: 50 })
    const command = client.incr('queued')
    await new Promise<void>((resolve) => client.once('error', () => resolve()))
    await resource.drain(drainContext(10_000))
    expect(resource.tally?.()).toMatchObject({ failed: 1, reasons: ['INCR: given up while the service stopped, not sent: the client was still "connecting" after 50 ms'] })
    expect(await countSettled([command])).toEqual({ fulfilled: 0, rejected: 1 })
    let opened = 0
    const onOpened = (): void => void (opened += 1)
    subscribe('net.client.socket', onOpened)
    onTestFinished(() => void unsubscribe('net.client.socket', onOpened))
    // The time for the next attempt comes in between.
    await new Promise((resolve) => setTimeout(resolve, 600))
    expect(opened).toBe(0)
  })

  test('a failover while the client drains: what the old master had not answered is done by the new one', { timeout: 60_000 }, async () => {
    const { client, name } = await connected(version, { retryStrategy: () => 50, maxRetriesPerRequest: null })
    const old = await master()
    const next = old === servers.master ? servers.replica : servers.master
    await old.server.freeze()
    const commands = Array.from({ length: 20 }, () => client.incr(name))
    const draining = redis(client, { reconnectMs: 30_000 }).drain(drainContext(40_000))
    await old.server.kill()
    await draining
    expect(await countSettled(commands)).toEqual({ fulfilled: 20, rejected: 0 })
    expect(await next.admin.get(name)).toBe('20')
    await old.server.restart()
    // The sentinels would do it too, after 8 s.
    await old.admin.replicaof(next.host, next.port)
    // On a busy machine the sentinels may have changed their minds once more: then it is the master of the other.
    const isBack = (text: string): boolean => text.includes('master_link_status:up') || /slave0:.*state=online/.test(text)
    await until(() => old.admin.info('replication'), isBack, 'the old master did not come back')
    // A sentinel promotes no replica that it does not know yet to be well.
    const knowsReplica = (text: string): boolean => /num-slaves,1(,|$)/.test(text) && !/,s_down/.test(text)
    for (const { admin } of servers.sentinels) await until(async () => String(await admin.call('SENTINEL', 'MASTER', servers.options.name)), knowsReplica, 'the replica is not known')
  })

  test('a failover with commands in flight: force settles them at once', async () => {
    const { client, name } = await connected(version, { failoverDetector: true, maxRetriesPerRequest: null, retryStrategy: () => 60_000 })
    const resource = redis(client)
    // 5.4 names its connection when it is ready.
    await client.ping()
    const commands = [client.blpop(name, 0), client.incr(`${name}:n`)]
    const reconnecting = new Promise<void>((resolve) => client.once('reconnecting', () => resolve()))
    await (await master()).admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await reconnecting
    expect(resource.waitingFor?.()).toEqual(['BLPOP: sent, may have been done', 'INCR: sent, may have been done'])
    expect(await timeForce(resource)).toBeLessThan(50)
    expect(await countSettled(commands)).toEqual({ fulfilled: 0, rejected: 2 })
    expect(client.status).toBe('end')
  })

  // Without `enableTLSForSentinelMode` ioredis leaves `tls` aside.
  test.each<RedisOptions5>([{}, { tls: {} }])('a blocked command is ended by its own server, though no sentinel answers any more (%j)', async (options) => {
    const { client, name } = await connected(version, options)
    const resource = blockingRedis(client)
    const blocked = client.blpop(name, 0)
    const { admin } = await master()
    await until(() => admin.info('clients'), (text) => text.includes('blocked_clients:1'), 'not blocked')
    for (const { server } of servers.sentinels) await server.freeze()
    await resource.drain(drainContext(10_000))
    expect(await blocked).toBeNull()
  })

  test('warns of a missing sentinelCommandTimeout', () => {
    const warningsOf = (options: RedisOptions5): readonly string[] | undefined => redis(createClient(version, options).client).warnings
    expect(warningsOf({})).toEqual([])
    expect(warningsOf({ sentinelCommandTimeout: undefined as never })).toEqual([expect.stringContaining('Set it, say to 1000')])
  })
})

const openSockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
