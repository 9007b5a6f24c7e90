import type { Pool } from 'pg'
import type { Order } from './order.ts'

/** Where orders live. */
export interface OrderStore {
  insert(order: Order): Promise<void>
  find(id: string): Promise<Order | undefined>
  /** Whether at least one shipment of the order exists. */
  isShipped(id: string): Promise<boolean>
}

/** Orders in PostgreSQL. The pool belongs to the caller. */
export function pgOrderStore(pool: Pool, schema: string): OrderStore {
  return {
    async insert(order) {
      const client = await pool.connect()
      try {
        await client.query('begin')
        await client.query(`insert into ${schema}.orders (id, item, quantity, placed_at) values ($1, $2, $3, $4)`, [
          order.id,
          order.item,
          order.quantity,
          order.placedAt,
        ])
        await client.query(`insert into ${schema}.order_log (order_id, entry) values ($1, 'placed')`, [order.id])
        await client.query('commit')
        client.release()
      } catch (error) {
        // A connection in the middle of a transaction must not go back into the pool; the server rolls back when it closes.
        client.release(true)
        throw error
      }
    },
    async find(id) {
      const { rows } = await pool.query<{ id: string; item: string; quantity: number; placed_at: Date }>(
        `select id, item, quantity, placed_at from ${schema}.orders where id = $1`,
        [id],
      )
      const row = rows[0]
      return row && { id: row.id, item: row.item, quantity: row.quantity, placedAt: row.placed_at.toISOString() }
    },
    async isShipped(id) {
      const { rowCount } = await pool.query(`select 1 from ${schema}.shipments where order_id = $1 limit 1`, [id])
      return (rowCount ?? 0) > 0
    },
  }
}

/** Orders in this process only: what the service falls back to without DATABASE_URL. Another replica does not see them. */
export function memoryOrderStore(): OrderStore {
  const orders = new Map<string, Order>()
  return {
    async insert(order) {
      orders.set(order.id, order)
    },
    async find(id) {
      return orders.get(id)
    },
    async isShipped() {
      return false
    },
  }
}
