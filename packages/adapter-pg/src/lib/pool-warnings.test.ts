import { EventEmitter } from 'node:events'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { pgPool } from './pg-pool.ts'

describe('warnings', () => {
  test('name what will hurt, each with its fix', () => {
    const pool = new pg.Pool({ query_timeout: 1_000 })
    const { warnings } = pgPool(pool)
    expect(warnings).toHaveLength(3)
    expect(warnings![0]).toContain('connectionTimeoutMillis: 5_000')
    expect(warnings![1]).toContain('statement_timeout: 9_000')
    expect(warnings![2]).toContain('onError')
  })

  test('know pg-native by its class, before there is a connection', () => {
    // As little as that has in common with the JavaScript client.
    class Native extends EventEmitter {
      connect(): void {}
      query(): void {}
      end(): void {}
    }
    const pool = new pg.Pool({ connectionTimeoutMillis: 5_000, Client: Native } as unknown as pg.PoolConfig)
    expect(pgPool(pool, { onError: () => {} }).warnings).toEqual([expect.stringContaining('use the JavaScript client of pg')])
  })

  test('are none for a pool that is set up well', () => {
    const pool = new pg.Pool({ connectionTimeoutMillis: 5_000, query_timeout: 10_000, statement_timeout: 9_000 })
    pool.on('error', () => {})
    expect(pgPool(pool).warnings).toEqual([])
    const byUrl = new pg.Pool({ connectionTimeoutMillis: 5_000, query_timeout: 10_000, connectionString: 'postgres://h/d?statement_timeout=9000' })
    expect(pgPool(byUrl, { onError: () => {} }).warnings).toEqual([])
  })
})
