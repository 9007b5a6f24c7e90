import { createLifecycle } from '@lameduck/core'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { blockingRedis } from '../src/index.ts'
import { drainContext, neverWithin, started } from './contexts.ts'
import { versions, type Redis, type RedisOptions5 } from './harness.ts'
import { untilBlocked, useServer } from './server-subjects.ts'

const { server, nextKey, connected: connectWith } = useServer()

describe.each(versions)('blockingRedis() and the loop that reads from it, with ioredis $version', ({ Redis }) => {
  const connected = (options?: RedisOptions5): Promise<Redis> => connectWith(Redis, options)

  test('waits for the loop, so that the last element is handled before the connection closes', async () => {
    const client = await connected()
    let handle: (() => void) | undefined
    const loop = new Promise<void>((resolve) => (handle = resolve))
    const resource = blockingRedis(client, { loop })
    expect(resource.waitingFor?.()).toEqual([])
    const draining = Promise.resolve(resource.drain(drainContext(5_000)))
    expect(await neverWithin(50, draining)).toBe(true)
    expect({ status: client.status, waitingFor: resource.waitingFor?.() }).toEqual({ status: 'ready', waitingFor: ['the end of the loop'] })
    handle?.()
    await draining
    expect({ status: client.status, waitingFor: resource.waitingFor?.() }).toEqual({ status: 'end', waitingFor: [] })
  })

  test('a loop that fails while it is waited for fails the step, after the connection has closed', async () => {
    const [client, admin, key] = [await connected(), await connected(), nextKey()]
    const loop = (async () => {
      for (;;) {
        // What is ended by CLIENT UNBLOCK is null, and so no pair.
        const [, element] = (await client.blpop(key, 0))!
        expect(element).toBe('element')
      }
    })()
    const resource = blockingRedis(client, { loop })
    await untilBlocked(admin, 1)
    await resource.drain(drainContext(5_000))
    expect(client.status).toBe('end')
    expect(resource.tally?.()).toMatchObject({ failed: 1, reasons: [expect.stringMatching(/^the loop: TypeError: .* is not iterable/)] })
  })

  // Catches: a stop that waits for its whole deadline for a loop that nobody ends.
  test('a loop that does not look at the signal is served for 2 s, then refused; what it has read is handled', { timeout: 20_000 }, async () => {
    const [client, admin, key] = [await connected(), await connected(), nextKey()]
    const handled: string[] = []
    const loop = (async () => {
      for (;;) {
        const popped = await client.blpop(key, 0)
        await new Promise((resolve) => setTimeout(resolve, 5))
        if (popped) handled.push(popped[1])
      }
    })()
    const lifecycle = await started(blockingRedis(client, { loop }))
    const pushed = Array.from({ length: 50 }, (_, element) => String(element))
    await admin.rpush(key, ...pushed)
    const report = await lifecycle.stop()
    await expect(loop).rejects.toMatchObject({ code: 'closed', resource: 'redis (blocking)' })
    expect(report.tookMs).toBeGreaterThan(1_900)
    expect(report.tookMs).toBeLessThan(3_800)
    expect(report).toMatchObject({ result: 'unknown', steps: [{ outcome: 'drained', work: { done: 1, failed: 0, refused: 1 } }] })
    expect([...handled, ...(await admin.lrange(key, 0, -1))]).toEqual(pushed)
  })

  test('... and one that goes on whatever it is told does not hold up the stop', { timeout: 20_000 }, async () => {
    const [client, key] = [await connected(), nextKey()]
    let isOver = false
    const loop = (async () => {
      while (!isOver) {
        await client.blpop(key, 0).catch(() => {})
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    })()
    const report = await (await started(blockingRedis(client, { loop }))).stop()
    isOver = true
    await loop
    expect(report.tookMs).toBeLessThan(8_000)
    expect(report.result).toBe('unknown')
  })

  test('a loop that takes long for what it has read is waited for, and its acknowledgements are no new reads', { timeout: 20_000 }, async () => {
    const [client, admin, key] = [await connected(), await connected(), nextKey()]
    await admin.xgroup('CREATE', key, 'group', '0', 'MKSTREAM')
    for (let entry = 0; entry < 8; entry += 1) await admin.xadd(key, '*', 'value', String(entry))
    const lifecycle = createLifecycle({ env: {}, policy: { graceMs: 30_000 } })
    const consume = async (): Promise<void> => {
      while (!lifecycle.stopping.aborted) {
        const answer = (await client.xreadgroup('GROUP', 'group', 'me', 'COUNT', 10, 'BLOCK', 0, 'STREAMS', key, '>')) as [string, [string, string[]][]][] | null
        for (const [id] of answer?.[0]?.[1] ?? []) {
          await new Promise((resolve) => setTimeout(resolve, 400))
          await client.xack(key, 'group', id)
        }
      }
    }
    lifecycle.add(blockingRedis(client, { loop: consume() }))
    await lifecycle.start()
    await expect.poll(async () => (await admin.xpending(key, 'group'))[0]).toBeGreaterThan(0)
    const report = await lifecycle.stop()
    expect(report).toMatchObject({ result: 'clean', steps: [{ outcome: 'drained', work: { done: 9, refused: 0 } }] })
    expect((await admin.xpending(key, 'group'))[0]).toBe(0)
    expect(report.tookMs).toBeGreaterThan(2_500)
  })

  test('a loop that is cut is counted, and so is its command', async () => {
    const [client, admin, key] = [await connected(), await connected(), nextKey()]
    const loop = (async () => {
      await client.blpop(key, 0)
      await new Promise(() => {})
    })()
    const lifecycle = await started(blockingRedis(client, { loop }), 200)
    await untilBlocked(admin, 1)
    const report = await lifecycle.stop()
    expect(report.steps[0]).toMatchObject({ outcome: 'forced', inFlight: { atStop: 2 }, waitingFor: ['the end of the loop'], work: { cut: 1, failed: 0 } })
  })

  test('a loop that fails for nothing but a command that was given up with its lost connection is no failure', async () => {
    const client = await connected({ retryStrategy: () => 60_000, maxRetriesPerRequest: null })
    const loop = client.blpop(nextKey(), 0)
    const reconnecting = new Promise((resolve) => client.once('reconnecting', resolve))
    await server().kill()
    await reconnecting
    const resource = blockingRedis(client, { loop })
    await resource.drain(drainContext(5_000))
    await expect(loop).rejects.toMatchObject({ code: 'cut', message: 'given up while the service stopped, may have been done: its connection was lost' })
    expect(resource.tally?.()).toMatchObject({ failed: 0 })
  })

  test('an unblocking that was given up, since the connection had ended meanwhile, is not what the drain waits for', async () => {
    const [client, admin] = [await connected(), await connected()]
    let handle: (() => void) | undefined
    const resource = blockingRedis(client, { loop: new Promise<void>((resolve) => (handle = resolve)) })
    client.blpop(nextKey(), 0).catch(() => {})
    await untilBlocked(admin, 1)
    await server().freeze()
    const draining = Promise.resolve(resource.drain(drainContext(20_000)))
    expect(await neverWithin(100, draining)).toBe(true)
    const ended = once(client, 'end')
    client.disconnect()
    client.stream.destroy()
    await ended
    expect(await neverWithin(100, draining)).toBe(true)
    expect(resource.waitingFor?.()).toEqual(['the end of the loop'])
    handle?.()
    await draining
  })

  test('a connection that is lost at that moment is not waited for, but the loop is', async () => {
    const client = await connected({ retryStrategy: () => 60_000, maxRetriesPerRequest: null })
    let isHandled = false
    const loop = client.blpop(nextKey(), 0).catch(async () => {
      await new Promise((resolve) => setTimeout(resolve, 30))
      isHandled = true
    })
    const reconnecting = new Promise((resolve) => client.once('reconnecting', resolve))
    await server().kill()
    await reconnecting
    await blockingRedis(client, { loop }).drain(drainContext(5_000))
    expect({ isHandled, status: client.status }).toEqual({ isHandled: true, status: 'end' })
  })

  test('entries of a stream that were handled are acknowledged, and none is lost', async () => {
    const [client, admin, key] = [await connected(), await connected(), nextKey()]
    await admin.xgroup('CREATE', key, 'group', '0', 'MKSTREAM')
    const lifecycle = createLifecycle({ env: {} })
    const handled: string[] = []
    const consume = async (): Promise<void> => {
      while (!lifecycle.stopping.aborted) {
        const answer = (await client.xreadgroup('GROUP', 'group', 'me', 'COUNT', 10, 'BLOCK', 0, 'STREAMS', key, '>')) as [string, [string, string[]][]][] | null
        for (const [id, [, value]] of answer?.[0]?.[1] ?? []) {
          handled.push(value!)
          await admin.xack(key, 'group', id)
        }
      }
    }
    lifecycle.add(blockingRedis(client, { loop: consume() }))
    await lifecycle.start()
    const added: Promise<unknown>[] = []
    let stopped: ReturnType<typeof lifecycle.stop> | undefined
    for (let entry = 0; entry < 300; entry += 1) {
      added.push(admin.xadd(key, '*', 'value', String(entry)))
      if (entry % 10 === 0) await added.at(-1)
      if (entry === 150) stopped = lifecycle.stop()
    }
    await Promise.all(added)
    expect((await stopped)?.result).toBe('clean')
    expect((await admin.xpending(key, 'group'))[0]).toBe(0)
    const left = (await admin.xreadgroup('GROUP', 'group', 'other', 'STREAMS', key, '>')) as [string, [string, string[]][]][] | null
    const rest = (left?.[0]?.[1] ?? []).map(([, [, value]]) => value!)
    expect([...handled, ...rest]).toEqual(Array.from({ length: 300 }, (_, entry) => String(entry)))
  })
})
