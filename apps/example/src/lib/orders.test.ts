import { expect, test, vi } from 'vitest'
import { noCache, type OrderCache } from './order-cache.ts'
import { publishNothing } from './order-events.ts'
import { memoryOrderStore } from './order-store.ts'
import type { Order } from './order.ts'
import { createOrders } from './orders.ts'

const tea = { item: 'tea', quantity: 2 }
const never = new AbortController().signal

test('an order is placed only when its event is safe', async () => {
  const published: string[] = []
  const orders = createOrders({ store: memoryOrderStore(), cache: noCache, publish: async (order) => void published.push(order.id) })
  const order = await orders.place(tea)
  expect(order).toMatchObject(tea)
  expect(published).toEqual([order.id])
})

test('a failed send answers 503: the order is not accepted', async () => {
  const publish = async (): Promise<void> => {
    throw new Error('the broker is gone')
  }
  const orders = createOrders({ store: memoryOrderStore(), cache: noCache, publish })
  await expect(orders.place(tea)).rejects.toMatchObject({ name: 'RequestError', status: 503 })
})

test('a failed insert answers 503 and publishes nothing', async () => {
  const publish = vi.fn(publishNothing)
  const insert = async (): Promise<void> => {
    throw new Error('the database is gone')
  }
  const orders = createOrders({ store: { ...memoryOrderStore(), insert }, cache: noCache, publish })
  await expect(orders.place(tea)).rejects.toMatchObject({ name: 'RequestError', status: 503, cause: new Error('the database is gone') })
  expect(publish).not.toHaveBeenCalled()
})

test.each([[null], [[]], [{ quantity: 1 }], [{ item: '', quantity: 1 }], [{ item: 'tea', quantity: 0 }], [{ item: 'tea', quantity: 1.5 }]])(
  'refuses %j with 400',
  async (body) => {
    const orders = createOrders({ store: memoryOrderStore(), cache: noCache, publish: publishNothing })
    await expect(orders.place(body)).rejects.toMatchObject({ status: 400 })
  },
)

test('reads through the cache: the store is asked once', async () => {
  const kept = new Map<string, Order>()
  const cache: OrderCache = { get: async (id) => kept.get(id), set: async (order) => void kept.set(order.id, order) }
  const store = memoryOrderStore()
  const find = vi.spyOn(store, 'find')
  const orders = createOrders({ store, cache, publish: publishNothing })
  const { id } = await orders.place(tea)
  expect(await orders.find(id)).toEqual(await orders.find(id))
  expect(find).toHaveBeenCalledTimes(1)
})

test.each([['no-uuid'], ['62e08c8c-64fa-4c31-b66f-69a9c0ae6d66']])('there is no order %s: 404, for its stream too', async (id) => {
  const orders = createOrders({ store: memoryOrderStore(), cache: noCache, publish: publishNothing })
  await expect(orders.find(id)).rejects.toMatchObject({ status: 404 })
  await expect(orders.watch(id, { forMs: 0, end: never })).rejects.toMatchObject({ status: 404 })
})

test('a stream tells of the shipment once, and says goodbye when the service drains', async () => {
  const draining = new AbortController()
  const isShipped = vi.fn(async () => true)
  const orders = createOrders({ store: { ...memoryOrderStore(), isShipped }, cache: noCache, publish: publishNothing })
  const { id } = await orders.place(tea)
  const events: string[] = []
  for await (const chunk of await orders.watch(id, { forMs: 60_000, end: draining.signal })) {
    events.push(chunk.split('\n')[0] ?? '')
    if (chunk.startsWith('event: shipped')) draining.abort()
    if (chunk.startsWith('event: end')) expect(chunk).toContain('going away')
  }
  expect(events).toEqual(['event: placed', 'event: shipped', 'event: end'])
})

test('a stream ends by itself when its time is up', async () => {
  const orders = createOrders({ store: memoryOrderStore(), cache: noCache, publish: publishNothing })
  const { id } = await orders.place(tea)
  const chunks: string[] = []
  for await (const chunk of await orders.watch(id, { forMs: 30, end: never })) chunks.push(chunk)
  expect(chunks.at(-1)).toContain('time is up')
})
