import { createLifecycle, type Lifecycle } from '@lameduck/core'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { blockingRedis, redis } from '../src/index.ts'
import { countSettled, drainContext, timeForce } from './contexts.ts'
import { connectTo, startRedis, versions, type Redis, type RedisServer } from './harness.ts'

let server: RedisServer
let lastKey = 0
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

describe.each(versions)('blockingRedis() with ioredis $major', ({ Redis }) => {
  async function connected(): Promise<Redis> {
    const client = connectTo(server, Redis, { lazyConnect: true })
    onTestFinished(() => {
      client.disconnect()
      client.stream?.destroy()
    })
    await client.connect()
    return client
  }

  async function untilBlocked(admin: Redis, count: number): Promise<void> {
    await expect.poll(async () => /blocked_clients:(\d+)/.exec(await admin.info('clients'))?.[1]).toBe(String(count))
  }

  async function consume(lifecycle: Lifecycle, client: Redis, key: string, handled: string[]): Promise<void> {
    while (!lifecycle.stopping.aborted) {
      const popped = await client.blpop(key, 0)
      if (!popped) continue
      await new Promise((resolve) => setImmediate(resolve))
      handled.push(popped[1])
    }
  }

  test('a BLPOP loop that is stopped at any moment loses no element', { timeout: 60_000 }, async () => {
    const producer = await connected()
    for (let round = 0; round < 8; round += 1) {
      const key = `queue:${(lastKey += 1)}`
      const [client, commands] = [await connected(), await connected()]
      const lifecycle = createLifecycle({ env: {} })
      const handled: string[] = []
      lifecycle.add(redis(commands))
      const loop = consume(lifecycle, client, key, handled)
      lifecycle.add(blockingRedis(client, { commands, loop }))
      await lifecycle.start()
      const stopAfter = Math.floor(Math.random() * 200)
      const pushed: Promise<number>[] = []
      let stopped: ReturnType<Lifecycle['stop']> | undefined
      for (let element = 0; element < 200; element += 1) {
        pushed.push(producer.rpush(key, String(element)))
        if (element % 10 === 0) await pushed.at(-1)
        if (element === stopAfter) stopped = lifecycle.stop()
      }
      await Promise.all(pushed)
      const report = await (stopped ?? lifecycle.stop())
      expect(report.result, JSON.stringify(report.steps)).toBe('clean')
      const left = await producer.lrange(key, 0, -1)
      expect([...handled, ...left].sort(), `stopped after ${stopAfter}`).toEqual(Array.from({ length: 200 }, (_, element) => String(element)).sort())
    }
  })

  test('a command that blocks for ever is ended by the server, also when it was blocked before it was registered', async () => {
    for (const registered of ['before', 'after'] as const) {
      const [client, commands] = [await connected(), await connected()]
      const early = registered === 'before' ? blockingRedis(client, { commands }) : undefined
      const blocked = client.blpop(`queue:${(lastKey += 1)}`, 0)
      await untilBlocked(commands, 1)
      const resource = early ?? blockingRedis(client, { commands })
      expect(resource.waitingFor?.()).toContain('BLPOP')
      await resource.drain(drainContext(5_000))
      expect(await blocked).toBeNull()
      expect(client.status).toBe('end')
      expect(commands.status).toBe('ready')
    }
  })

  test('knows its connection again after a reconnect', async () => {
    const [client, commands] = [await connected(), await connected()]
    const resource = blockingRedis(client, { commands })
    await client.ping()
    const ready = once(client, 'ready')
    await commands.client('KILL', 'ID', await client.client('ID'))
    await ready
    const blocked = client.blpop(`queue:${(lastKey += 1)}`, 0)
    await resource.drain(drainContext(5_000))
    expect(await blocked).toBeNull()
  })

  test('waits for the loop, so that the last element is handled before the connection closes', async () => {
    const [client, commands] = [await connected(), await connected()]
    let handle: (() => void) | undefined
    const loop = new Promise<void>((resolve) => (handle = resolve))
    let drained = false
    const draining = Promise.resolve(blockingRedis(client, { commands, loop }).drain(drainContext(5_000))).then(() => (drained = true))
    await commands.ping()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect({ drained, status: client.status }).toEqual({ drained: false, status: 'ready' })
    handle?.()
    await draining
    expect(client.status).toBe('end')
  })

  test('without a second connection, a command that blocks for ever is cut at the deadline and reported', async () => {
    const client = await connected()
    const lifecycle = createLifecycle({ env: {}, policy: { phases: { intake: { timeoutMs: 100, reserveMs: 100 } } } })
    lifecycle.add(blockingRedis(client))
    await lifecycle.start()
    expect(lifecycle.plan().warnings).toEqual([expect.stringContaining('Pass { commands: client }')])
    const blocked = client.blpop(`queue:${(lastKey += 1)}`, 0)
    const report = await lifecycle.stop()
    expect(report.result).toBe('forced')
    expect(report.steps.find(({ name }) => name === 'redis (blocking)')).toMatchObject({ outcome: 'forced', waitingFor: expect.arrayContaining(['BLPOP']) as unknown })
    expect(await countSettled([blocked])).toEqual({ fulfilled: 0, rejected: 1 })
  })

  test('a subscriber quits, and is forced', async () => {
    for (const end of ['drain', 'force'] as const) {
      const client = await connected()
      const resource = blockingRedis(client)
      await client.subscribe(`channel:${(lastKey += 1)}`)
      if (end === 'drain') await resource.drain(drainContext(5_000))
      else expect(await timeForce(resource)).toBeLessThan(50)
      if (client.status !== 'end') await once(client, 'end')
    }
  })

  test('force of a blocked connection takes below 50 ms', async () => {
    const client = await connected()
    const blocked = client.blpop(`queue:${(lastKey += 1)}`, 0)
    expect(await timeForce(blockingRedis(client))).toBeLessThan(50)
    await expect(blocked).rejects.toThrow('the service stops')
  })
})
