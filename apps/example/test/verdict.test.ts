import { randomUUID } from 'node:crypto'
import type { Producer } from 'kafkajs'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { createKafka } from '../src/lib/create-kafka.ts'
import { consumersAtRest } from '../src/lib/consumers-at-rest.ts'
import { namesFor } from '../src/lib/config.ts'
import { dropEverything } from '../src/lib/drop-everything.ts'
import { setUp } from '../src/lib/set-up.ts'
import { shipOrder } from '../src/lib/ship-order.ts'
import { verdict, type Verdict } from '../src/lib/verdict.ts'
import { createPool, createProducer } from '../src/lib/clients.ts'
import { databaseUrl, kafkaBrokers, ownPlaces } from './places.ts'

// Faults are planted in the real table and the real topic; a verdict that only added up its own expectations would not see them.

const kafka = createKafka(kafkaBrokers, 'verdict-test')
const client = createPool(databaseUrl)
// One for each test: kafkajs goes on asking for the topics of former sends, which are deleted.
let producer: Producer

let places = ownPlaces()
let names = namesFor(places.prefix)

beforeEach(async () => {
  producer = createProducer(kafka)
  await producer.connect()
  places = ownPlaces()
  names = namesFor(places.prefix)
  await setUp(places)
})
afterEach(async () => {
  await producer.disconnect()
  await dropEverything(places)
})
afterAll(() => client.end())

const allWell = {
  orders: { accepted: 6, missing: [] },
  events: { published: 6, shipments: 6, unpublished: [], publishedTwice: 0, lost: 0, duplicated: 0, pending: 0, caughtUp: true },
}

test('six orders, events and shipments: all well', async () => {
  const placed = await placeAndShip(6)
  await commitAll()
  expect(await judge(placed)).toEqual(allWell)
})

test('no order at all: nothing to complain about, nothing to wait for', async () => {
  const { orders, events } = await judge([])
  expect(orders).toEqual({ accepted: 0, missing: [] })
  expect(events).toMatchObject({ published: 0, lost: 0, pending: 0, caughtUp: true })
})

test('an accepted order without a row is missing', async () => {
  const placed = await placeAndShip(6)
  await commitAll()
  const gone = placed[2]!.id
  await client.query(`delete from ${names.schema}.orders where id = $1`, [gone])
  expect(await judge(placed)).toEqual({ ...allWell, orders: { accepted: 6, missing: [gone] } })
})

test('an event that was committed and left no shipment is lost', async () => {
  const placed = await placeAndShip(6)
  await commitAll()
  await client.query(`delete from ${names.schema}.shipments where order_id = $1`, [placed[3]!.id])
  expect((await judge(placed)).events).toEqual({ ...allWell.events, shipments: 5, lost: 1 })
})

test('an event that left two shipments is a duplicate', async () => {
  const placed = await placeAndShip(6)
  await commitAll()
  await ship(placed[1]!)
  await ship(placed[1]!)
  expect((await judge(placed)).events).toEqual({ ...allWell.events, shipments: 8, duplicated: 2 })
})

test('a lost and a duplicated event do not cancel out', async () => {
  const placed = await placeAndShip(6)
  await commitAll()
  await ship(placed[1]!)
  await client.query(`delete from ${names.schema}.shipments where order_id = $1`, [placed[3]!.id])
  expect((await judge(placed)).events).toEqual({ ...allWell.events, lost: 1, duplicated: 1 })
})

test('an accepted order without an event is unpublished', async () => {
  const placed = await placeAndShip(6)
  await commitAll()
  const silent = randomUUID()
  await insertOrder(silent)
  const { orders, events } = await judge([...placed, { id: silent }])
  expect(orders).toEqual({ accepted: 7, missing: [] })
  expect(events).toEqual({ ...allWell.events, unpublished: [silent] })
})

test('an order with two events in the topic was published twice, not handled twice', async () => {
  const placed = await placeAndShip(6)
  await ship(await publish(placed[0]!.id))
  await commitAll()
  expect((await judge(placed)).events).toEqual({ ...allWell.events, published: 7, shipments: 7, publishedTwice: 1 })
})

test('an event that nobody has reached yet is pending, not lost', async () => {
  const placed = await placeAndShip(6)
  await commitAll()
  const late = await place()
  const { events } = await judge([...placed, late])
  expect(events).toEqual({ ...allWell.events, published: 7, pending: 1, caughtUp: false })
})

test('waits for a consumer that is behind', async () => {
  const placed = await Promise.all(Array.from({ length: 60 }, () => place()))
  const consumer = kafka.consumer({ groupId: names.group, sessionTimeout: 6_000, maxWaitTimeInMs: 100 })
  try {
    await consumer.connect()
    await consumer.subscribe({ topic: names.topic, fromBeginning: true })
    await consumer.run({ eachMessage: shipOrder({ pool: client, schema: names.schema, shippingMs: 20 }) })
    const { events } = await verdict({ ...places, accepted: placed.map(({ id }) => id) })
    expect(events).toEqual({ ...allWell.events, published: 60, shipments: 60 })
  } finally {
    await consumer.disconnect()
  }
})

test('says that there is nothing to count without a database', async () => {
  expect(await verdict({ ...places, databaseUrl: undefined, accepted: [] })).toEqual({ orders: undefined, events: undefined })
})

interface Placed {
  readonly id: string
  readonly partition: number
  readonly offset: string
}

function judge(accepted: readonly { readonly id: string }[]): Promise<Verdict> {
  return verdict({ ...places, accepted: accepted.map(({ id }) => id), standstillMs: 500 })
}

async function placeAndShip(count: number): Promise<Placed[]> {
  const placed = await Promise.all(Array.from({ length: count }, () => place()))
  for (const event of placed) await ship(event)
  return placed
}

async function place(): Promise<Placed> {
  const id = randomUUID()
  await insertOrder(id)
  return publish(id)
}

async function insertOrder(id: string): Promise<void> {
  await client.query(`insert into ${names.schema}.orders (id, item, quantity, placed_at) values ($1, 'tea', 1, now())`, [id])
}

async function publish(id: string): Promise<Placed> {
  const [sent] = await producer.send({ topic: names.topic, acks: -1, messages: [{ key: id, value: JSON.stringify({ id }) }] })
  return { id, partition: sent!.partition, offset: sent!.baseOffset! }
}

async function ship({ id, partition, offset }: Placed): Promise<void> {
  await client.query(`insert into ${names.schema}.shipments (order_id, "partition", "offset") values ($1, $2, $3)`, [id, partition, offset])
}

/** Moves the group's committed offsets to the end of the topic, by a consumer that handles nothing. */
async function commitAll(): Promise<void> {
  const consumer = kafka.consumer({ groupId: names.group, sessionTimeout: 6_000, maxWaitTimeInMs: 50 })
  await consumer.connect()
  await consumer.subscribe({ topic: names.topic, fromBeginning: true })
  await consumer.run({ eachMessage: async () => {} })
  const { caughtUp } = await consumersAtRest(kafka, { topic: names.topic, group: names.group, standstillMs: 10_000 })
  await consumer.disconnect()
  expect(caughtUp).toBe(true)
}
