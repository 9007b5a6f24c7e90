import { trackedWork, type Report } from '@lameduck/core'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { blockingRedis, redis } from '../src/index.ts'
import { started } from './contexts.ts'
import { versions, type Redis, type RedisOptions5 } from './harness.ts'
import { useServer } from './server-subjects.ts'

const { nextKey, connected: connectWith } = useServer()

const step = ({ steps }: Report, name: string = 'redis (blocking)'): Report['steps'][number] | undefined => steps.find((each) => each.name === name)

/** Resolves when it is told to. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}

describe.each(versions)('what the listeners of a subscriber begin, with ioredis $version', ({ Redis }) => {
  const connected = (options?: RedisOptions5): Promise<Redis> => connectWith(Redis, options)

  /** What a promise is returned to has no type for it. */
  const listen = (client: Redis, event: string, listener: (...values: string[]) => unknown): void => void client.on(event as 'message', listener as () => void)

  test('is waited for, named and counted: channels, patterns, shards, as text and as bytes; nothing follows the unsubscribing', async () => {
    const [client, admin, channel] = [await connected(), await connected(), nextKey()]
    const { opened, open } = gate()
    const heard: string[] = []
    const done: string[] = []
    for (const event of ['message', 'messageBuffer', 'pmessage', 'pmessageBuffer', 'smessage', 'smessageBuffer']) {
      listen(client, event, async () => {
        heard.push(event)
        await opened
        done.push(event)
      })
    }
    await client.subscribe(channel)
    await client.psubscribe(`${channel}:*`)
    await client.ssubscribe(`${channel}-sharded`)
    const resource = blockingRedis(client)
    const lifecycle = await started(resource)
    await admin.publish(channel, '1')
    await admin.publish(`${channel}:a`, '2')
    await admin.spublish(`${channel}-sharded`, '3')
    await expect.poll(() => heard.length).toBe(6)
    expect(resource.inFlight?.()).toBe(6)
    expect(resource.waitingFor?.()).toContainEqual(expect.stringMatching(new RegExp(`^message on ${channel}:a 0\\.\\d s$`)))
    const stopped = lifecycle.stop()
    await expect.poll(async () => (await admin.pubsub('NUMSUB', channel))[1]).toBe(0)
    expect(await admin.publish(`${channel}:a`, '4')).toBe(0)
    expect(client.status).toBe('ready')
    open()
    const report = await stopped
    expect(report.result).toBe('clean')
    expect(step(report)).toMatchObject({ outcome: 'drained', inFlight: { atStop: 6 }, work: { done: 6, failed: 0, unknown: 0 } })
    expect(done.toSorted()).toEqual(heard.toSorted())
    expect(client.status).toBe('end')
  })

  test('may use another client to its end, though each message is handled in several steps', async () => {
    const [client, commands, admin, channel, key] = [await connected(), await connected(), await connected(), nextKey(), nextKey()]
    const { opened, open } = gate()
    listen(client, 'message', async (_channel, text) => {
      await opened
      await commands.incr(`${key}:count`)
      await commands.rpush(key, text!)
    })
    await client.subscribe(channel)
    const lifecycle = await started([redis(commands), blockingRedis(client)])
    for (const text of ['1', '2', '3', '4', '5']) await admin.publish(channel, text)
    const stopped = lifecycle.stop()
    setTimeout(open, 50)
    const report = await stopped
    expect(report.result).toBe('clean')
    expect(step(report)?.work).toMatchObject({ done: 5, unknown: 0 })
    expect((await admin.lrange(key, 0, -1)).toSorted()).toEqual(['1', '2', '3', '4', '5'])
  })

  test('is unknown where a listener returns no promise, and the report says what to do; not where messages bring no work', async () => {
    const [client, admin, channel] = [await connected(), await connected(), nextKey()]
    let heard = 0
    client.on('message', () => void (heard += 1))
    await client.subscribe(channel)
    const lifecycle = await started(blockingRedis(client))
    for (const text of ['1', '2', '3']) await admin.publish(channel, text)
    await expect.poll(() => heard).toBe(3)
    const report = await lifecycle.stop()
    expect(report).toMatchObject({ result: 'unknown', exitCode: 0 })
    expect(step(report)).toMatchObject({ outcome: 'unknown', work: { unknown: 3, reasons: [expect.stringMatching(/^message: its listener returned no promise.* \(×3\)$/)] } })

    const cache = await connected()
    cache.on('message', () => void (heard += 1))
    await cache.subscribe(channel)
    const other = await started(blockingRedis(cache, { phase: 'connections' }))
    await admin.publish(channel, '4')
    await expect.poll(() => heard).toBe(4)
    expect((await other.stop()).result).toBe('clean')
  })

  test('fails the step when it fails, is cut with the step, and is counted elsewhere where it is tracked', async () => {
    const [client, admin, channel] = [await connected(), await connected(), nextKey()]
    const jobs = trackedWork('jobs')
    const { opened, open } = gate()
    listen(client, 'message', () => new Promise(() => {}))
    client.once('message', jobs.wrap(() => opened))
    await client.subscribe(channel)
    const lifecycle = await started(blockingRedis(client), 300)
    lifecycle.add(jobs)
    const heard = once(client, 'message')
    await admin.publish(channel, '1')
    await heard
    const stopped = lifecycle.stop()
    setTimeout(open, 50)
    const report = await stopped
    expect(step(report)).toMatchObject({ outcome: 'forced', waitingFor: [expect.stringMatching(/^message on /)], work: { done: 0, cut: 1 } })
    expect(step(report, 'jobs')).toMatchObject({ outcome: 'drained', work: { done: 1, failed: 0, cut: 0 } })
  })

  test('is not waited for where the client is registered for commands, of which the report warns', async () => {
    const [client, channel] = [await connected(), nextKey()]
    const lifecycle = await started(redis(client))
    expect(lifecycle.plan().warnings).toEqual([])
    await client.subscribe(channel)
    expect((await lifecycle.stop()).warnings).toEqual([expect.stringContaining('Register it by blockingRedis() in place of redis()')])
  })

  test('what a connection says after the subscriber has closed is refused; to unsubscribe is not', async () => {
    const [client, channel] = [await connected(), nextKey()]
    await client.subscribe(channel)
    const lifecycle = await started(blockingRedis(client))
    const late: unknown[] = []
    lifecycle.add({
      name: 'telemetry',
      phase: 'telemetry',
      async drain() {
        late.push(await client.unsubscribe(channel), await client.subscribe(channel).catch(({ message }: Error) => message))
      },
    })
    const report = await lifecycle.stop()
    expect(late).toEqual([0, '"redis (blocking)" is closed, since the service stops: nothing of this was done (SUBSCRIBE)'])
    expect(report.result).toBe('unknown')
    expect(step(report)?.work).toMatchObject({ refused: 1 })
  })
})
