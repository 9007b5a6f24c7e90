import { connect } from 'amqplib'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import pg from 'pg'

/** How a snippet of docs/background-work.md is made a program. */
export interface Shape {
  /** What the snippet takes for granted. */
  readonly before?: string
  /** Begins the work; the body of an async function. */
  readonly begin: string
  /** How many units must be under way before the signal comes. */
  readonly units: number
  /** How many are done at the end, at least. */
  readonly total: number
  /** What the stop is called where the work is lost the usual way. @default 'clean': nobody can see it */
  readonly lostAs?: 'unknown'
  /** How long a unit takes where the work is lost the usual way, in ms. @default 8000: longer than anybody waits by chance */
  readonly usualWorkMs?: number
  /** How many of them the broker still has afterwards, of the queue of this name. */
  readonly left?: (orders: string) => Promise<number>
  /** How many of five the queue of this name has still to hand out afterwards. */
  readonly waiting?: (orders: string) => Promise<number>
}

const five = (call: string): string => `for (const id of ['1', '2', '3', '4', '5']) ${call}`
const once = { begin: '', units: 1, total: 1 }

/** By the heading of the snippet. */
export const shapes: Readonly<Record<string, Shape>> = {
  'Wait first, close second': once,
  'Answer first, work later': {
    before: "import type { AddressInfo } from 'node:net'",
    begin: five('await (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/${id}`)).text()'),
    units: 5,
    total: 5,
  },
  'Answer first, work later 2': {
    before: "import type { AddressInfo } from 'node:net'",
    begin: five('await (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/${id}`)).text()'),
    units: 5,
    total: 5,
  },
  'Answer first, work later 3': {
    before: "import type { AddressInfo } from 'node:net'",
    begin: five('await (await fetch(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}/${id}`)).text()'),
    units: 5,
    total: 5,
  },
  'Event emitters': { begin: five("orders.emit('order', id)"), units: 5, total: 5 },
  'Redis pub/sub': {
    begin: `const publisher = new Redis(process.env.REDIS_URL ?? '')\n${five("await publisher.publish('orders', id)")}\npublisher.disconnect()`,
    units: 5,
    total: 5,
    lostAs: 'unknown',
  },
  'PostgreSQL LISTEN': {
    begin: `const sender = new pg.Client(process.env.DATABASE_URL)\nawait sender.connect()\n${five("await sender.query('SELECT pg_notify($1, $2)', ['orders', id])")}\nawait sender.end()`,
    units: 5,
    total: 5,
    lostAs: 'unknown',
  },
  'WebSockets that close': {
    before: "import { once } from 'node:events'\nimport type { AddressInfo } from 'node:net'\nimport { WebSocket } from 'ws'",
    begin: five("{ const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/${id}`); await once(socket, 'open') }"),
    // They begin in the stop.
    units: 0,
    total: 5,
  },
  'Loops by setInterval': once,
  'Helpers that others need': {
    before: "import type { AddressInfo } from 'node:net'",
    begin: five('await (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/${id}`)).text()'),
    // They are flushed in the stop.
    units: 0,
    total: 5,
  },
  'Helpers that others need 2': { begin: 'void work.run(lead)', units: 1, total: 2, usualWorkMs: 4_000 },
  'Work that begins other work': { begin: five("bus.emit('order', id)"), units: 5, total: 10, lostAs: 'unknown', usualWorkMs: 4_000 },
  "Calls of the service's own server": { begin: five('void work.run(() => render(id))'), units: 0, total: 5, lostAs: 'unknown' },
  croner: once,
  'node-cron': once,
  BullMQ: {
    before: "import { Queue } from 'bullmq'",
    begin: `const queue = new Queue('orders', { connection: { url: process.env.REDIS_URL ?? '' } })\n${five("await queue.add('order', {}, { jobId: `order-${id}` })")}\nawait queue.close()`,
    units: 5,
    total: 5,
    async left(orders) {
      const queue = new Queue(orders, { connection: { url: process.env['REDIS_URL'] ?? '' } })
      const { completed = 0 } = await queue.getJobCounts('completed')
      await queue.obliterate({ force: true })
      await queue.close()
      return 5 - completed
    },
  },
  'RabbitMQ with amqplib': {
    begin: five("channel.sendToQueue('orders', Buffer.from(id))"),
    units: 5,
    total: 5,
    async left(orders) {
      const connection = await connect(process.env['AMQP_URL'] ?? '')
      const channel = await connection.createChannel()
      const { messageCount } = await channel.checkQueue(orders)
      await channel.deleteQueue(orders)
      await connection.close()
      return messageCount
    },
  },
  'Polling a table': {
    begin: five("await pool.query('INSERT INTO orders VALUES ($1)', [id])"),
    units: 1,
    total: 1,
    async waiting(orders) {
      const client = new pg.Client(process.env['DATABASE_URL'])
      await client.connect()
      const { rowCount } = await client.query(`SELECT FROM ${orders}`)
      await client.query(`DROP TABLE ${orders}`)
      await client.end()
      return rowCount ?? 0
    },
  },
  'Polling a list of Redis': {
    begin: five("await client.rpush('orders', id)"),
    units: 1,
    total: 1,
    async waiting(orders) {
      const redis = new Redis(process.env['REDIS_URL'] ?? '')
      const length = await redis.llen(orders)
      await redis.del(orders)
      redis.disconnect()
      return length
    },
  },
  'Promise pools': { begin: '', units: 4, total: 5 },
  'Queues in memory': { begin: five("orders.emit('order', id)"), units: 2, total: 5 },
  'Queues in memory 2': { begin: five("orders.emit('order', id)"), units: 1, total: 5 },
  Streams: {
    before:
      "import { Readable } from 'node:stream'\nconst orders = Readable.from(['1', '2', '3'])\nasync function* each(source: AsyncIterable<string>): AsyncGenerator<string> {\n  for await (const id of source) {\n    await handle(id)\n    yield id\n  }\n}",
    begin: '',
    units: 1,
    total: 3,
  },
  Threads: { begin: '', units: 1, total: 5 },
  'Threads 2': once,
}
