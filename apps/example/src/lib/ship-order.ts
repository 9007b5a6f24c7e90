import { setTimeout as delay } from 'node:timers/promises'
import type { EachMessagePayload } from 'kafkajs'
import type { Pool } from 'pg'
import type { Order } from './order.ts'

export interface ShipOrderOptions {
  readonly pool: Pool
  readonly schema: string
  /** What the parcel service takes to answer, in ms; a third more or less. */
  readonly shippingMs: number
}

/**
 * The consumer's handler: one shipment row for each event it is given. The table has no unique constraint on purpose:
 * an event that is handled twice leaves two rows, as it would send two parcels.
 */
export function shipOrder({ pool, schema, shippingMs }: ShipOrderOptions): (payload: EachMessagePayload) => Promise<void> {
  return async ({ partition, message }) => {
    const order = JSON.parse(String(message.value)) as Order
    await delay(shippingMs * (2 / 3 + (Math.random() * 2) / 3))
    await pool.query(`insert into ${schema}.shipments (order_id, "partition", "offset") values ($1, $2, $3)`, [
      order.id,
      partition,
      message.offset,
    ])
  }
}
