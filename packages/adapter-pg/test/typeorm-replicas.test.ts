import 'reflect-metadata'
import { createLifecycle } from '@lameduck/core'
import type pg from 'pg'
import { DataSource } from 'typeorm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pgPool } from '../src/index.ts'
import { count, eventually } from './support/contexts.ts'
import { sessionsLeft, untilActive } from './support/observe.ts'
import { createDatabase, type Database } from './support/postgres.ts'

let postgres: Database
let admin: pg.Client
beforeAll(async () => {
  postgres = await createDatabase()
  admin = postgres.admin
})
afterAll(() => postgres.stop())

/** A primary and two replicas (of the same server: what matters are the three pools), registered as the README says. */
async function replicated(application: string) {
  const url = postgres.url
  const dataSource = await new DataSource({
    type: 'postgres',
    applicationName: application,
    connectTimeoutMS: 10_000,
    replication: { master: { url }, slaves: [{ url }, { url }] },
  }).initialize()
  const { master, slaves } = dataSource.driver as unknown as { readonly master: pg.Pool; readonly slaves: readonly pg.Pool[] }
  const lifecycle = createLifecycle({ policy: { graceMs: 10_000 } })
  const options = { onError: () => {}, timeoutMs: 300 }
  lifecycle.add(pgPool(master, options))
  slaves.forEach((slave, n) => lifecycle.add(pgPool(slave, { ...options, name: `replica ${n}` })))
  await lifecycle.start()
  return { dataSource, lifecycle, slaves }
}

describe('TypeORM with replication', () => {
  test('what runs on the primary and on a replica is finished, and all three pools end', async () => {
    const { dataSource, lifecycle } = await replicated('replicas')
    const onReplica = dataSource.createQueryRunner('slave')
    const onPrimary = dataSource.createQueryRunner('master')
    await admin.query('SELECT pg_advisory_lock(1)')
    const counts = count([onReplica.query('SELECT pg_advisory_xact_lock_shared(1)'), onPrimary.query('SELECT pg_advisory_xact_lock_shared(1)')])
    await untilActive(admin, 'replicas', 2)
    const stopped = lifecycle.stop()
    await admin.query('SELECT pg_advisory_unlock(1)')
    await eventually(() => counts.pending, (pending) => pending === 0)
    await Promise.all([onReplica.release(), onPrimary.release()])
    const report = await stopped
    expect(counts).toMatchObject({ fulfilled: 2 })
    expect(report.result).toBe('clean')
    expect(await sessionsLeft(admin, 'replicas')).toBe(0)
    for (const which of ['slave', 'master'] as const) await expect(dataSource.createQueryRunner(which).query('SELECT 1')).rejects.toMatchObject({ code: 'closed' })
    // A framework may still do what is its own.
    await dataSource.destroy()
  })

  test('control: its own destroy aborts both', async () => {
    const { dataSource } = await replicated('replicas naive')
    const onReplica = dataSource.createQueryRunner('slave')
    const onPrimary = dataSource.createQueryRunner('master')
    const counts = count([onReplica, onPrimary].map((runner) => runner.query('SELECT pg_sleep(0.2)')))
    await untilActive(admin, 'replicas naive', 2)
    await dataSource.destroy()
    await eventually(() => counts.pending, (pending) => pending === 0)
    expect(counts.rejected).toBe(2)
  })

  test('a replica that has to be cut does not keep the others from ending', async () => {
    const { dataSource, lifecycle } = await replicated('replicas cut')
    const leaked = dataSource.createQueryRunner('slave')
    const counts = count([leaked.query('SELECT pg_sleep(30)')])
    await untilActive(admin, 'replicas cut', 1)
    const report = await lifecycle.stop()
    expect(counts.rejected).toBe(1)
    // TypeORM takes one of the replicas by chance.
    expect(report.steps.map(({ outcome }) => outcome).toSorted()).toEqual(['forced', 'idle', 'idle'])
    expect(await sessionsLeft(admin, 'replicas cut')).toBe(0)
  })
})
