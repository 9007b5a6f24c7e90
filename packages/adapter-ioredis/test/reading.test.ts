import { createLifecycle } from '@lameduck/core'
import { once } from 'node:events'
import { beforeEach, describe, expect, test } from 'vitest'
import { blockingRedis } from '../src/index.ts'
import { createClock, type Clock } from './clock.ts'
import { started } from './contexts.ts'
import { versions, type Redis, type RedisOptions5 } from './harness.ts'
import { untilBlocked, useServer } from './server-subjects.ts'

// What a connection that reads has in hand when it stops: commands of its loop, and elements that were delivered to somebody.

const { server, nextKey, connected: connectWith } = useServer()

let clock: Clock
beforeEach(() => {
  clock = createClock()
})

/** A connection that is lost stays lost. */
const forGood = { retryStrategy: () => 60_000, maxRetriesPerRequest: null }

describe.each(versions)('blockingRedis() with ioredis $version', ({ Redis }) => {
  const connected = (options?: RedisOptions5): Promise<Redis> => connectWith(Redis, options)

  describe('whose connection is lost while it drains', () => {
    /** A loop that writes down what it has read; the connection is lost while the server has not answered that. */
    async function losing(handle: (written: Promise<unknown>) => Promise<unknown>) {
      const [client, admin, key] = [await connected(forGood), await connected(), nextKey()]
      let write = (): void => {}
      const mayWrite = new Promise<void>((resolve) => (write = resolve))
      let isRead = (): void => {}
      const read = new Promise<void>((resolve) => (isRead = resolve))
      const loop = (async () => {
        const popped = await client.blpop(key, 0)
        isRead()
        await mayWrite
        await handle(client.rpush(`${key}:handled`, popped![1]))
      })()
      const lifecycle = await started(blockingRedis(client, { loop }))
      await admin.rpush(key, 'element')
      await read
      await server().freeze()
      write()
      // In the turn in which it was sent.
      await Promise.resolve()
      const stopped = lifecycle.stop()
      await server().kill()
      return stopped
    }

    test('a command of the loop without an answer has failed, and so has a loop that dies from it', async () => {
      const report = await losing((written) => written)
      const given = 'given up while the service stopped, may have been done: its connection was lost'
      expect(report.result).toBe('failed')
      expect(report.steps[0]?.work).toMatchObject({ done: 0, failed: 2, cut: 0, refused: 0, unknown: 0 })
      expect(report.steps[0]?.work?.reasons.toSorted()).toEqual([expect.stringMatching(new RegExp(`^RPUSH: .*${given}`)), expect.stringMatching(new RegExp(`^the loop: .*${given}`))])
    })

    test('... also where the loop goes on', async () => {
      const report = await losing((written) => written.catch(() => {}))
      expect(report).toMatchObject({ result: 'failed', steps: [{ work: { done: 1, failed: 1, reasons: [expect.stringMatching(/^RPUSH: /)] } }] })
    })

    test.each<[command: string, read: (client: Redis, key: string) => Promise<unknown>, unknown: number]>([
      ['BLPOP', (client, key) => client.blpop(key, 0), 1],
      ['BLMOVE', (client, key) => client.blmove(key, `${key}:to`, 'LEFT', 'RIGHT', 0), 0],
      ['XREAD', (client, key) => client.xread('BLOCK', 0, 'STREAMS', key, '$'), 0],
    ])('%s: nobody knows of what it may have popped, and nobody else has', async (command, read, unknown) => {
      const [client, admin] = [await connected(forGood), await connected()]
      const loop = read(client, nextKey())
      const lifecycle = await started(blockingRedis(client, { loop }))
      await untilBlocked(admin, 1)
      await server().freeze()
      const stopped = lifecycle.stop()
      await server().kill()
      expect(await stopped).toMatchObject({ result: unknown > 0 ? 'unknown' : 'clean', steps: [{ work: { failed: 0, unknown } }] })
      await expect(loop, command).rejects.toMatchObject({ code: 'cut' })
    })
  })

  test('a loop that does not look at the signal may do all that it needs for what it has read', { timeout: 20_000 }, async () => {
    const [client, admin, key] = [await connected(), await connected(), nextKey()]
    let round = 0
    const loop = (async () => {
      for (;;) {
        const popped = await client.blpop(key, 0)
        if (!popped) continue
        // The second is in hand when it is no longer served.
        await new Promise((resolve) => setTimeout(resolve, round++ === 1 ? 3_000 : 0))
        await client.rpush(`${key}:handled`, popped[1])
      }
    })()
    const lifecycle = await started(blockingRedis(client, { loop }))
    await untilBlocked(admin, 1)
    const stopped = lifecycle.stop()
    await admin.rpush(key, 'one', 'two')
    await expect(loop).rejects.toMatchObject({ code: 'closed' })
    expect(await stopped).toMatchObject({ result: 'unknown', steps: [{ outcome: 'drained', work: { done: 3, failed: 0, refused: 1 } }] })
    expect([...(await admin.lrange(`${key}:handled`, 0, -1)), ...(await admin.lrange(key, 0, -1))]).toEqual(['one', 'two'])
  })

  describe('without a loop', () => {
    async function reading() {
      const [client, admin, key] = [await connected(), await connected(), nextKey()]
      const lifecycle = createLifecycle({ env: {} })
      const resource = blockingRedis(client)
      const handle = lifecycle.add(resource)
      await lifecycle.start()
      const read = client.blpop(key, 0)
      await untilBlocked(admin, 1)
      return { client, admin, key, lifecycle, resource, handle, read }
    }
    const why = 'nobody knows whether what was read last is handled. Hand the loop over: blockingRedis(client, { loop })'

    const warning = `the client reads, and no loop was handed over: in a stop ${why}.`

    test('warns as soon as it asks for the same again', async () => {
      const { client, admin, key, lifecycle, resource, read } = await reading()
      expect(resource.warnings).toEqual([])
      await admin.rpush(key, 'element')
      await read
      void client.blpop(key, 5)
      expect(resource.warnings).toEqual([warning])
      await lifecycle.stop()
    })

    test.each(['BLPOP', 'XREAD'] as const)('who reads once by %s from each key is no loop, and is not told to hand one over', async (command) => {
      const { client, admin, key, lifecycle, resource, read } = await reading()
      await admin.rpush(key, 'element')
      await read
      for (const id of [1, 2]) {
        const reply = `${key}:reply:${id}`
        const asked = command === 'BLPOP' ? client.blpop(reply, 0) : client.xread('BLOCK', 0, 'STREAMS', reply, 0)
        await (command === 'BLPOP' ? admin.rpush(reply, 'yes') : admin.xadd(reply, '*', 'answer', 'yes'))
        await asked
      }
      expect(resource.warnings).toEqual([])
      expect(await lifecycle.stop()).toMatchObject({ result: 'unknown', warnings: [], steps: [{ work: { unknown: 1 } }] })
    })

    test.each([
      [29, 'unknown', 1],
      [31, 'clean', 0],
    ])('what was read once, %d s before the signal, is %s', async (seconds, result, unknown) => {
      const { admin, key, lifecycle, read } = await reading()
      await admin.rpush(key, 'element')
      await read
      clock.goOn(seconds * 1_000)
      expect(await lifecycle.stop()).toMatchObject({ result, steps: [{ work: { unknown } }] })
    })

    test('... and is still unknown when the stop itself takes longer', async () => {
      const { admin, key, lifecycle, resource, handle, read } = await reading()
      await admin.rpush(key, 'element')
      await read
      lifecycle.add({ name: 'slow', phase: 'intake', drain: () => clock.goOn(15_000) }, { needs: [handle] })
      clock.goOn(20_000)
      expect(await lifecycle.stop()).toMatchObject({ result: 'unknown' })
      expect(resource.tally?.().unknown).toBe(1)
    })

    test('of two who read, one has asked for more: what came last is unknown', async () => {
      const { client, admin, key, lifecycle, read } = await reading()
      const other = client.blpop(`${key}:other`, 0)
      await admin.rpush(key, 'element')
      await read
      clock.goOn(20_000)
      await admin.rpush(`${key}:other`, 'element')
      await other
      void client.blpop(key, 0)
      clock.goOn(15_000)
      expect(await lifecycle.stop()).toMatchObject({ result: 'unknown', steps: [{ work: { unknown: 1 } }] })
    })

    test.each(['before', 'after'])('what was delivered shortly %s the signal is unknown', async (when) => {
      const { admin, key, lifecycle, read } = await reading()
      if (when === 'after') {
        await server().freeze()
        const pushed = admin.rpush(key, 'element')
        const stopped = lifecycle.stop()
        await server().thaw()
        await pushed
        // Its unblocking was under way already, and the push was first.
        expect(await read).toEqual([key, 'element'])
        return expect(await stopped).toMatchObject({ result: 'unknown', steps: [{ work: { unknown: 1, reasons: [why] } }] })
      }
      await admin.rpush(key, 'element')
      await read
      expect(await lifecycle.stop()).toMatchObject({ result: 'unknown', steps: [{ work: { unknown: 1, reasons: [why] } }] })
    })

    test('one who has asked for more is done with what came before', async () => {
      const { client, admin, key, lifecycle, read } = await reading()
      await admin.rpush(key, 'element')
      await read
      const next = client.blpop(key, 0)
      await untilBlocked(admin, 1)
      expect(await lifecycle.stop()).toMatchObject({ result: 'clean', steps: [{ work: { unknown: 0 } }] })
      expect(await next).toBeNull()
    })

    test('what was delivered is unknown also when it is cut', async () => {
      const { client, admin, key, resource, read } = await reading()
      await admin.rpush(key, 'element')
      await read
      const ended = once(client, 'end')
      resource.quiesce?.({ reason: { kind: 'programmatic' }, deadline: performance.now(), remaining: () => 0 } as never)
      await resource.force?.({ reason: { kind: 'programmatic' }, boundMs: 50 })
      await ended
      expect(resource.tally?.()).toMatchObject({ unknown: 1, cut: 0 })
    })
  })
})
