import { setTimeout as delay } from 'node:timers/promises'
import type { OrderCache } from './order-cache.ts'
import type { PublishOrder } from './order-events.ts'
import type { OrderStore } from './order-store.ts'
import { isOrderId, newOrder, type Order } from './order.ts'
import { RequestError } from './request-error.ts'

/** The domain, without a framework. Every method throws RequestError for what the client did wrong. */
export interface Orders {
  /**
   * Places an order. When it resolves, the row is committed **and** the event is acknowledged: this is what a 201 promises.
   *
   * The event is sent after the commit. When either fails the caller gets a 503 and must take the order as not
   * accepted; its row may be there, without an event. So a row does not prove an acceptance; a 201 proves both.
   */
  place(body: unknown): Promise<Order>
  /** Through the cache. */
  find(id: string): Promise<Order>
  /** Server-sent events `placed` and `shipped`, as text chunks, until `forMs` have passed or `end` aborts. */
  watch(id: string, options: { readonly forMs: number; readonly end: AbortSignal }): Promise<AsyncIterable<string>>
}

export interface OrdersParts {
  readonly store: OrderStore
  readonly cache: OrderCache
  readonly publish: PublishOrder
}

const pollMs = 200

export function createOrders({ store, cache, publish }: OrdersParts): Orders {
  return { place, find, watch }

  async function place(body: unknown): Promise<Order> {
    const order = newOrder(body)
    try {
      await store.insert(order)
      await publish(order)
    } catch (cause) {
      throw new RequestError(503, 'the order was not accepted, please try again', { cause })
    }
    return order
  }

  async function find(id: string): Promise<Order> {
    if (!isOrderId(id)) throw notFound(id)
    const cached = await cache.get(id)
    if (cached) return cached
    const order = await store.find(id)
    if (!order) throw notFound(id)
    await cache.set(order)
    return order
  }

  async function watch(id: string, options: { readonly forMs: number; readonly end: AbortSignal }): Promise<AsyncIterable<string>> {
    // Found before the stream begins, while an unknown order can still be a 404.
    return eventsOf(await find(id), options)
  }

  async function* eventsOf(order: Order, { forMs, end }: { readonly forMs: number; readonly end: AbortSignal }): AsyncIterable<string> {
    const endsAt = performance.now() + forMs
    let shipped = false
    yield serverSentEvent('placed', order)
    while (!end.aborted && performance.now() < endsAt) {
      if (!shipped && (await store.isShipped(order.id))) {
        shipped = true
        yield serverSentEvent('shipped', { id: order.id })
      }
      await delay(Math.max(0, Math.min(pollMs, endsAt - performance.now())), undefined, { signal: end }).catch(() => {})
    }
    // The client's EventSource reconnects by itself; on a drain it then reaches another replica.
    yield serverSentEvent('end', { why: end.aborted ? 'going away' : 'time is up' })
  }
}

function serverSentEvent(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}

function notFound(id: string): RequestError {
  return new RequestError(404, `there is no order ${id.slice(0, 40)}`)
}
