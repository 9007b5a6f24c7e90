import { randomUUID } from 'node:crypto'
import { RequestError } from './request-error.ts'

export interface Order {
  /** UUID, also the key of its event. */
  readonly id: string
  readonly item: string
  readonly quantity: number
  /** ISO 8601. */
  readonly placedAt: string
}

/**
 * A new order from the body of `POST /orders`: `{ "item": "tea", "quantity": 2 }`.
 *
 * @throws RequestError 400 that says what is wrong.
 */
export function newOrder(body: unknown): Order {
  if (typeof body !== 'object' || body === null) throw new RequestError(400, 'the body must be a JSON object')
  const { item, quantity } = body as { item?: unknown; quantity?: unknown }
  if (typeof item !== 'string' || item.length === 0 || item.length > 100) {
    throw new RequestError(400, 'item must be a text of 1 to 100 characters')
  }
  if (typeof quantity !== 'number' || !Number.isInteger(quantity) || quantity < 1 || quantity > 1000) {
    throw new RequestError(400, 'quantity must be a whole number from 1 to 1000')
  }
  return { id: randomUUID(), item, quantity, placedAt: new Date().toISOString() }
}

/** Whether a path parameter can be an order's id; PostgreSQL answers a malformed UUID with an error, not with no row. */
export function isOrderId(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)
}
