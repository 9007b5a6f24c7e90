import { setTimeout as delay } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import pg from 'pg'
import type { Found } from './verdict.ts'

export interface Store {
  /** Resolves when all these orders are shipped, or the time is over. */
  readonly shipped: (ids: readonly string[], limitMs: number) => Promise<void>
  readonly read: () => Promise<Found>
  readonly close: () => Promise<void>
}

const tables = ['orders', 'notes', 'audits', 'shipments'] as const

/** The tables and the topic of one run, over connections that nothing is done to. */
export async function openStore(url: string, brokers: string, topic: string): Promise<Store> {
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  pool.on('error', () => {})
  for (const table of tables) await pool.query(`CREATE TABLE ${topic}_${table} (id text)`)
  await pool.query(`CREATE TABLE ${topic}_beats (at timestamptz)`)
  const admin = new Kafka({ clientId: 'soak-outside', brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 6 }], waitForLeaders: false })
  await admin.disconnect()
  return {
    async shipped(ids, limitMs) {
      const orders = ids.filter((id) => id.startsWith('o'))
      for (const until = performance.now() + limitMs; performance.now() < until; await delay(500)) {
        const shipments = await idsIn('shipments')
        if (orders.every((id) => shipments.has(id))) return
      }
    },
    async read() {
      const [orders, notes, audits, shipments] = await Promise.all(tables.map(idsIn))
      return { orders, notes, audits, shipments } as Found
    },
    close: () => pool.end(),
  }

  async function idsIn(table: string): Promise<Set<string>> {
    const { rows } = await pool.query<{ id: string }>(`SELECT id FROM ${topic}_${table}`)
    return new Set(rows.map(({ id }) => id))
  }
}
