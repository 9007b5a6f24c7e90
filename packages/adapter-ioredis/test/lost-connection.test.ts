import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { redis } from '../src/index.ts'
import { countSettled, drainContext, neverWithin } from './contexts.ts'
import { versions, type Redis, type RedisOptions5 } from './harness.ts'
import { untilBlocked, useServer } from './server-subjects.ts'

const { server, nextKey, create: createWith, connected: connectWith } = useServer()

describe.each(versions)('redis() whose connection is lost, or was not there yet, with ioredis $version', ({ Redis }) => {
  const create = (options?: RedisOptions5): Redis => createWith(Redis, options)
  const connected = (options?: RedisOptions5): Promise<Redis> => connectWith(Redis, options)

  test('without an offline queue nothing waits, so that a drain while reconnecting is over at once', async () => {
    const client = await connected({ enableOfflineQueue: false, retryStrategy: () => 60_000 })
    const resource = redis(client, { reconnectMs: 60_000 })
    const reconnecting = new Promise((resolve) => client.once('reconnecting', resolve))
    await server().kill()
    await reconnecting
    await expect(client.get('a')).rejects.toThrow('enableOfflineQueue')
    await resource.drain(drainContext(5_000))
    expect(client.status).toBe('end')
  })

  test('an idle reconnecting client ends; the naive quit() never emits end', async () => {
    const [client, naive] = await Promise.all([connected({ retryStrategy: () => 60_000 }), connected({ retryStrategy: () => 60_000 })])
    const reconnecting = [client, naive].map((each) => new Promise((resolve) => each.once('reconnecting', resolve)))
    await server().kill()
    await Promise.all(reconnecting)
    expect(await naive.quit()).toBe('OK')
    expect(await neverWithin(100, once(naive, 'end'))).toBe(true)
    const ended = once(client, 'end')
    await redis(client).drain(drainContext(5_000))
    await ended
  })

  test('a reconnecting client with a queued command: the naive quit() and disconnect() settle nothing', async () => {
    const client = await connected({ retryStrategy: () => 60_000, maxRetriesPerRequest: null })
    const reconnecting = new Promise((resolve) => client.once('reconnecting', resolve))
    await server().kill()
    await reconnecting
    const command = client.incr('a')
    const quit = client.quit()
    client.disconnect()
    expect(await neverWithin(300, Promise.race([command, quit].map((each) => each.catch(() => {}))))).toBe(true)
    await redis(client).force?.({ reason: { kind: 'programmatic' }, boundMs: 50 })
    expect(await countSettled([command, quit])).toEqual({ fulfilled: 0, rejected: 2 })
  })

  test('a connection that is lost while it drains comes back, and what was in flight is sent again; the naive quit() loses it', async () => {
    for (const end of ['drain', 'quit'] as const) {
      const [client, admin, key] = [await connected({ retryStrategy: () => 20 }), await connected(), nextKey()]
      const resource = redis(client)
      const id = await client.client('ID')
      const popped = client.blpop(key, 0).catch((error: Error) => error.message)
      await untilBlocked(admin, 1)
      const ended = Promise.resolve(end === 'drain' ? resource.drain(drainContext(20_000)) : client.quit())
      ended.catch(() => {})
      await admin.client('KILL', 'ID', id)
      if (end === 'quit') {
        expect(await popped).toBe('Connection is closed.')
        continue
      }
      await once(client, 'ready')
      await admin.rpush(key, 'element')
      expect(await popped).toEqual([key, 'element'])
      await ended
    }
  })

  test('a connection that is lost while it drains, and is given up by ioredis, fails the step with the number of commands', async () => {
    const client = await connected({ retryStrategy: () => null as unknown as number })
    const resource = redis(client)
    await server().freeze()
    const commands = [client.incr('a'), client.incr('a')]
    const drained = resource.drain(drainContext(20_000))
    await server().kill()
    await drained
    expect(resource.tally?.()).toMatchObject({ done: 0, failed: 2, reasons: ['INCR: Connection is closed. (×2)'] })
    expect(await countSettled(commands)).toEqual({ fulfilled: 0, rejected: 2 })
  })

  test('a command that times out (commandTimeout) is not waited for any longer, and fails the step', async () => {
    const client = await connected({ commandTimeout: 200 })
    await server().freeze()
    const commands = [client.incr('a'), client.incr('a')]
    const settled = countSettled(commands)
    const resource = redis(client)
    await resource.drain(drainContext(20_000))
    expect(resource.tally?.()).toMatchObject({ done: 0, failed: 2, reasons: ['INCR: Command timed out (×2)'] })
    expect(await settled).toEqual({ fulfilled: 0, rejected: 2 })
    expect(client.status).toBe('end')
  })

  test('a connection that hangs in its handshake, with nothing queued, has nothing to wait for', async () => {
    await server().freeze()
    const client = create({ password: 'x', maxRetriesPerRequest: null })
    client.on('error', () => {})
    const resource = redis(client, { reconnectMs: 60_000 })
    await once(client, 'connect')
    expect({ inFlight: resource.inFlight?.(), waitingFor: resource.waitingFor?.() }).toEqual({ inFlight: 0, waitingFor: [] })
    await resource.drain(drainContext(5_000))
    expect(client.status).toBe('end')
  })

  test('a readiness check whose question was lost with its connection asks again, also with autoResendUnfulfilledCommands: false', async () => {
    const [client, admin] = [await connected({ autoResendUnfulfilledCommands: false, retryStrategy: () => 20 }), await connected()]
    const resource = redis(client, { checkTimeoutMs: 100 })
    const check = async (): Promise<void> => resource.check?.({ signal: new AbortController().signal })
    const id = await client.client('ID')
    client.blpop(nextKey(), 0).catch(() => {})
    await expect(check()).rejects.toThrow('no answer to PING')
    const ready = once(client, 'ready')
    await admin.client('KILL', 'ID', id)
    await ready
    await check()
  })

  test('warns of autoResendUnfulfilledCommands: false, with which a command in flight never settles', async () => {
    const [client, admin, key] = [await connected({ autoResendUnfulfilledCommands: false, retryStrategy: () => 20 }), await connected(), nextKey()]
    expect(redis(client).warnings).toEqual([expect.stringContaining('Leave it at true, or set commandTimeout')])
    const id = await client.client('ID')
    const popped = client.blpop(key, 0)
    popped.catch(() => {})
    await untilBlocked(admin, 1)
    const ready = once(client, 'ready')
    await admin.client('KILL', 'ID', id)
    await ready
    await admin.rpush(key, 'element')
    expect(await neverWithin(200, popped)).toBe(true)
  })

  test('a command that autoResendUnfulfilledCommands: false makes ioredis forget while it drains rejects, and fails the step', async () => {
    const [client, admin, key] = [await connected({ autoResendUnfulfilledCommands: false, retryStrategy: () => 20 }), await connected(), nextKey()]
    const id = await client.client('ID')
    const popped = client.blpop(key, 0)
    popped.catch(() => {})
    const resource = redis(client)
    const drained = resource.drain(drainContext(20_000))
    await admin.client('KILL', 'ID', id)
    await drained
    const why = 'given up while the service stopped, may have been done: the connection was lost, and autoResendUnfulfilledCommands is false'
    expect(resource.tally?.()).toMatchObject({ done: 0, failed: 1, reasons: [`BLPOP: ${why}`] })
    await expect(popped).rejects.toMatchObject({ name: 'LifecycleError', code: 'cut', message: why })
  })
})
