import type { Report } from '@lameduck/core'
import { describe, expect, test } from 'vitest'
import { redis } from '../src/index.ts'
import { countSettled, nextUnhandled, started } from './contexts.ts'
import { versions, type Redis, type RedisOptions5 } from './harness.ts'
import { untilBlocked, useServer } from './server-subjects.ts'

const { server, nextKey, connected: connectWith } = useServer()

const workOf = ({ steps }: Report): unknown => steps[0]?.work

const closed = (what: string): string => `"redis" is closed, since the service stops: nothing of this was done (${what})`

describe.each(versions)('what becomes of the commands of redis() with ioredis $version', ({ Redis }) => {
  const connected = (options?: RedisOptions5): Promise<Redis> => connectWith(Redis, options)

  test('what the server answers is done, an error of its own included, in flight at the signal or sent after it', async () => {
    const [client, key] = [await connected(), nextKey()]
    await client.set(key, 'text')
    const lifecycle = await started(redis(client))
    const before = countSettled([client.get(key), client.incr(key)])
    const stopped = lifecycle.stop()
    const after = countSettled([client.get(key), client.incr(key), client.pipeline().get(key).incr(key).exec(), client.multi().get(key).exec()])
    const report = await stopped
    expect([await before, await after]).toEqual([
      { fulfilled: 1, rejected: 1 },
      { fulfilled: 3, rejected: 1 },
    ])
    expect(report.result).toBe('clean')
    // A transaction is three commands.
    expect(workOf(report)).toEqual({ done: 9, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] })
  })

  test('an error that the server answers, and nobody handles, is an unhandled rejection as before', async () => {
    const [client, key] = [await connected(), nextKey()]
    await client.set(key, 'text')
    const lifecycle = await started(redis(client))
    const unhandled = nextUnhandled()
    const stopped = lifecycle.stop()
    void client.incr(key)
    expect(await unhandled).toMatchObject({ message: expect.stringContaining('not an integer') })
    expect((await stopped).result).toBe('clean')
  })

  test('what is lost without an answer has failed, with its kinds and reasons, and is no unhandled rejection', async () => {
    const client = await connected({ retryStrategy: () => null as unknown as number })
    const lifecycle = await started(redis(client))
    await server().freeze()
    const before = client.incr('a')
    const stopped = lifecycle.stop()
    void client.get('a')
    const after = client.get('a')
    await new Promise((resolve) => setImmediate(resolve))
    await server().kill()
    const report = await stopped
    expect(await countSettled([before, after])).toEqual({ fulfilled: 0, rejected: 2 })
    expect(report.result).toBe('failed')
    expect(report.steps[0]).toMatchObject({
      outcome: 'failed',
      work: { done: 0, failed: 3, cut: 0, reasons: ['INCR: Connection is closed.', 'GET: Connection is closed. (×2)'] },
      errors: ['3 of 3 failed while it stopped (INCR: Connection is closed.; GET: Connection is closed. (×2))'],
    })
  })

  test('a command whose time was over before the signal, and that lies in the queue of a silent server, is waited for by nobody', async () => {
    const client = await connected({ commandTimeout: 100 })
    const lifecycle = await started(redis(client))
    await server().freeze()
    await expect(client.incr('a')).rejects.toThrow('Command timed out')
    const report = await lifecycle.stop()
    expect(report.tookMs).toBeLessThan(1_500)
    expect(workOf(report)).toMatchObject({ done: 0, failed: 0, cut: 0 })
  })

  test('a handler that sends one command after the other gets them all', async () => {
    const [client, key] = [await connected(), nextKey()]
    const lifecycle = await started(redis(client))
    const handler = (async () => {
      for (let command = 0; command < 30; command += 1) await client.incr(key)
    })()
    const report = await lifecycle.stop()
    await handler
    expect(report.result).toBe('clean')
    expect(workOf(report)).toMatchObject({ done: 30, refused: 0 })
    expect(await (await connected()).get(key)).toBe('30')
  })

  // Catches: a stop that waits for its whole deadline for a loop that nobody ends.
  test.each([false, true])('a loop that nobody stops is served for 2 s, and what it has in hand is done (auto-pipelined: %s)', { timeout: 20_000 }, async (enableAutoPipelining) => {
    const [client, key] = [await connected({ enableAutoPipelining }), nextKey()]
    const lifecycle = await started(redis(client))
    let done = 0
    const loop = (async () => {
      for (;;) {
        await client.incr(key)
        done += 1
      }
    })()
    loop.catch(() => {})
    await expect.poll(() => done).toBeGreaterThan(10)
    const report = await lifecycle.stop()
    await expect(loop).rejects.toMatchObject({ code: 'closed', resource: 'redis', message: closed('INCR') })
    expect(report.tookMs).toBeGreaterThan(1_900)
    expect(report.tookMs).toBeLessThan(3_800)
    expect(report).toMatchObject({ result: 'unknown', steps: [{ outcome: 'drained', work: { failed: 0, cut: 0, refused: 1 } }] })
    expect(await (await connected()).get(key)).toBe(String(done))
  })

  test.each([false, true])('what comes after the close is refused with one error, however it is sent, and counted (auto-pipelined: %s)', async (enableAutoPipelining) => {
    const client = await connected({ enableAutoPipelining })
    client.defineCommand('bump', { numberOfKeys: 1, lua: 'return redis.call("incr", KEYS[1])' })
    const lifecycle = await started(redis(client))
    const late = async (): Promise<unknown[]> => {
      const byCallback = new Promise((_resolve, reject) => void client.set('a', '1', (error) => reject(error!)).catch(() => {}))
      const calls = [client.incr('a'), client.call('get', 'a'), byCallback, (client as unknown as { bump(key: string): Promise<unknown> }).bump('a'), client.multi().incr('a').exec()]
      const settled = (await Promise.allSettled(calls)).map((each) => (each.status === 'rejected' ? (each.reason as Error).message : 'served'))
      const pipelined = (await client.pipeline().get('a').exec())?.map(([error]) => error?.message)
      return [...settled, ...(pipelined ?? [])]
    }
    let told: unknown[] = []
    lifecycle.add({
      name: 'telemetry',
      phase: 'telemetry',
      async drain() {
        told = await late()
        // What asks for nothing but the end is not refused.
        await client.quit()
        await client.unsubscribe('a')
      },
    })
    const report = await lifecycle.stop()
    expect(told).toEqual(['INCR', 'GET', 'SET', 'EVALSHA', 'EXEC', 'GET'].map((what) => closed(what)))
    expect(report).toMatchObject({ result: 'unknown', exitCode: 0 })
    expect(workOf(report)).toMatchObject({ done: 0, failed: 0, refused: 8, reasons: expect.arrayContaining(['INCR: refused (×2)']) })
  })

  test('what is cut is counted, sent or not, and rejects with one error; so does what comes later', async () => {
    const client = await connected({ enableAutoPipelining: true })
    const lifecycle = await started(redis(client), 100)
    await server().freeze()
    const commands = [client.incr('a'), client.get('a')]
    const held: Promise<unknown>[] = []
    // In the tick of the cut, which holds it back.
    lifecycle.subscribe(({ type }) => void (type === 'step-overran' && held.push(client.set('a', '1'))))
    const report = await lifecycle.stop()
    expect(report.steps[0]).toMatchObject({ outcome: 'forced', work: { done: 0, failed: 0, cut: 3, refused: 0 } })
    for (const each of [...commands, ...held]) await expect(each).rejects.toMatchObject({ name: 'LifecycleError', code: 'cut', resource: 'redis' })
    await expect(held[0]).rejects.toThrow('(SET)')
    await expect(client.incr('a')).rejects.toMatchObject({ code: 'closed' })
  })

  test('the questions of readiness checks are in no count', async () => {
    const client = await connected()
    const resource = redis(client)
    const lifecycle = await started(resource)
    const asked = resource.check?.({ signal: AbortSignal.timeout(2_000) })
    const stopped = lifecycle.stop()
    const askedLater = resource.check?.({ signal: AbortSignal.timeout(2_000) })
    await Promise.all([asked, askedLater])
    expect(workOf(await stopped)).toMatchObject({ done: 0, failed: 0, refused: 0 })
  })

  test('a connection that comes back while it drains is made ready by ioredis itself, which is in no count', async () => {
    const [client, admin, key] = [await connected({ db: 3, retryStrategy: () => 20 }), await connected(), nextKey()]
    const lifecycle = await started(redis(client))
    const id = await client.client('ID')
    const popped = client.blpop(key, 0)
    await untilBlocked(admin, 1)
    const stopped = lifecycle.stop()
    const ready = new Promise((resolve) => client.once('ready', resolve))
    await admin.client('KILL', 'ID', id)
    await ready
    await admin.select(3)
    await admin.rpush(key, 'element')
    expect(await popped).toEqual([key, 'element'])
    expect(workOf(await stopped)).toMatchObject({ done: 1, failed: 0, refused: 0 })
  })

  test('nothing is added to a client before a stop begins', async () => {
    const client = await connected()
    const resource = redis(client)
    const command = client.incr(nextKey())
    expect(Object.hasOwn(client, 'sendCommand')).toBe(false)
    await command
    resource.quiesce?.({ reason: { kind: 'programmatic' }, deadline: performance.now() + 10_000 })
    expect(Object.hasOwn(client, 'sendCommand')).toBe(true)
  })
})
