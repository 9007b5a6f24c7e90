import { resourceSuite, type Subject } from '@lameduck/conformance'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { blockingRedis } from '../src/index.ts'
import { connectTo, isRunning, startRedis, versions, type Redis, type RedisServer } from './harness.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

interface Subscriber extends Subject {
  readonly client: Redis
  readonly admin: Redis
  readonly channel: string
  /** Of the messages that are being handled: what ends each. */
  readonly handling: Map<string, () => void>
  readonly heard: Set<string>
}

let last = 0

/** Not by the event: whoever waits for it listens, and returns no promise. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2))
}

/** A unit of work is a message, in the hands of a listener that has promised to handle it. */
describe.each(versions)('a subscriber with ioredis $version', ({ Redis }) => {
  resourceSuite<Subscriber>({
    test,
    notApplicable: { 'check rejects soon after its signal aborts, though the peer is frozen': 'it looks at the status only: a question would wait behind what is blocked' },
    harness: {
      members: ['start', 'check', 'watch', 'quiesce', 'inFlight', 'waitingFor', 'tally', 'force'],
      async create() {
        const admin = connectTo(server, Redis, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 })
        await admin.connect()
        const client = connectTo(server, Redis, { lazyConnect: true, connectionName: 'subject', retryStrategy: () => 20 })
        const handling = new Map<string, () => void>()
        const heard = new Set<string>()
        const handle = (_channel: string, id: string): unknown => {
          heard.add(id)
          return id.startsWith('short') ? Promise.resolve() : new Promise<void>((resolve) => handling.set(id, resolve)).then(() => void handling.delete(id))
        }
        client.on('message', handle as () => void)
        return { client, admin, channel: `channel ${(last += 1)}`, handling, heard, resource: blockingRedis(client) }
      },
      open: async ({ client, channel }) => void (await client.subscribe(channel)),
      async dispose({ client, admin }) {
        client.disconnect()
        client.stream?.destroy()
        admin.disconnect()
        admin.stream?.destroy()
        await server.thaw().catch(() => {})
        if (!isRunning(server.pid)) await server.restart()
      },
      async busy({ client, admin, channel, handling }) {
        const id = `long ${(last += 1)}`
        const ended = new Promise((resolve) => client.once('end', resolve))
        await admin.publish(channel, id)
        await until(() => handling.has(id))
        let isFinished = false
        const finished = new Promise<'finished'>((resolve) => {
          const end = handling.get(id)!
          handling.set(id, () => {
            isFinished = true
            end()
            resolve('finished')
          })
        })
        return { outcome: Promise.race([finished, ended.then(() => (isFinished ? ('finished' as const) : ('failed' as const)))]), finish: () => handling.get(id)?.() }
      },
      afterQuiesce: 'serves',
      async offer({ client, admin, channel, heard }) {
        if (client.status !== 'ready') return false
        const id = `short ${(last += 1)}`
        const published = await admin.publish(channel, id).catch(() => 0)
        await until(() => published === 0 || heard.has(id) || client.status !== 'ready')
        return heard.has(id)
      },
      freeze: () => server.freeze(),
      thaw: () => server.thaw(),
      async kill({ client }) {
        const closed = new Promise((resolve) => client.once('close', resolve))
        await server.kill()
        await closed
      },
      async connections({ admin }) {
        const list = String(await admin.client('LIST'))
        return list.split('\n').filter((line) => line.includes(' name=subject ')).length
      },
    },
  })
})
