import { lifecycleErrorIn } from '@lameduck/core'
import type pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { count, draining, eventually, force } from './support/contexts.ts'
import { rollbacks, rowsOf, sixtyTransactions, waitForGate, withLedger } from './support/ledger.ts'
import { sessions, sessionsLeft, untilActive } from './support/observe.ts'
import { orms, type Orm } from './support/orms.ts'
import type { Database } from './support/postgres.ts'

let postgres: Database
let admin: pg.Client
withLedger((database) => {
  postgres = database
  admin = database.admin
})

/** What becomes of 60 transactions of which 4 have committed and 4 are running, when the library is closed as its documentation says. */
const naively: Readonly<Record<string, object>> = {
  knex: { fulfilled: 8, rejected: 52, pending: 0 },
  'knex 2.0': { fulfilled: 8, rejected: 52, pending: 0 },
  drizzle: { fulfilled: 8, rejected: 0, pending: 52 },
  kysely: { fulfilled: 8, rejected: 0, pending: 52 },
  typeorm: { fulfilled: 4, rejected: 56, pending: 0 },
  'a subclass of pg.Pool': { fulfilled: 8, rejected: 0, pending: 52 },
}

const inTheTest = / at .*test\/support\/orms\.ts:\d+:\d+\)?$/
/** Where `traceCheckouts` says that a connection was taken; Kysely loses the stack of its callers. */
const places: Readonly<Record<string, RegExp>> = {
  drizzle: inTheTest,
  kysely: / at .*\/kysely\/.*:\d+:\d+\)?$/,
  typeorm: inTheTest,
  'a subclass of pg.Pool': inTheTest,
}

describe.each(Object.entries(orms))('%s', (name, createOrm) => {
  async function create(what: string): Promise<Orm & { readonly application: string }> {
    const application = `${name} ${what}`
    const orm = await createOrm({ ...postgres.config, application_name: application })
    onTestFinished(async () => void (await force(orm.resource)))
    return { ...orm, application }
  }

  test('control: its own close loses what is running or waiting', async () => {
    const { application, transaction, close } = await create('naive')
    const { counts, goOn } = await sixtyTransactions(admin, application, transaction)
    const closed = close()
    await goOn()
    await closed
    expect(await sessionsLeft(admin, application)).toBe(0)
    expect(counts).toMatchObject(naively[name]!)
  })

  test('drain commits all 60 transactions, and leaves no session', async () => {
    const { application, transaction, resource } = await create('drained')
    const { counts, goOn } = await sixtyTransactions(admin, application, transaction)
    const rollbacksBefore = await rollbacks(admin)
    expect(resource.inFlight!()).toBe(56)
    const drained = draining(resource)
    await goOn()
    await drained.done
    expect(counts).toMatchObject({ fulfilled: 60, rejected: 0, pending: 0 })
    expect(await rowsOf(admin)).toBe(60)
    expect(await sessionsLeft(admin, application)).toBe(0)
    expect(await rollbacks(admin)).toBe(rollbacksBefore)
    expect(resource.inFlight!()).toBe(0)
    expect(resource.tally!()).toMatchObject({ done: 56, failed: 0, refused: 0 })
    await draining(resource).done
  })

  test('what comes after the close is refused with an error that is found in what the library throws, and counted', async () => {
    const { resource, query, transaction } = await create('late')
    await query('SELECT 1')
    await draining(resource).done
    const late = await Promise.allSettled([query('SELECT 1'), transaction(1)])
    for (const each of late) {
      const error = each.status === 'rejected' ? lifecycleErrorIn(each.reason) : undefined
      expect(error).toMatchObject({ code: 'closed', resource: name.startsWith('knex') ? 'knex' : 'pg' })
    }
    expect(resource.tally!()).toMatchObject({ done: 0, failed: 0, refused: 2 })
  })

  test('work whose connection is lost in the drain has failed, and what the server refuses is done', async () => {
    const { application, resource, query } = await create('lost in the drain')
    await admin.query('SELECT pg_advisory_lock(2)')
    const counts = count([query(waitForGate(4)), query('not even SQL')])
    await untilActive(admin, application, 1)
    // Some give the connection back when the caller has been told.
    await eventually(() => [counts.rejected, resource.inFlight!()], ([rejected, inFlight]) => rejected === 1 && inFlight === 1)
    const drained = draining(resource)
    const refused = count([query('not even SQL')])
    await eventually(() => refused.rejected, (rejected) => rejected === 1)
    await admin.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND state = 'active'", [application])
    await drained.done
    await admin.query('SELECT pg_advisory_unlock(2)')
    expect(resource.tally!()).toMatchObject({ done: 1, failed: 1, reasons: ['SELECT: terminating connection due to administrator command'] })
  })

  test('force is bounded with a leaked transaction, a 30 s query and callers that wait', async () => {
    const { application, leak, resource, query, transaction } = await create('cut')
    await leak(100)
    await leak(101)
    const running = [1, 2].map(() => query('SELECT pg_sleep(30)'))
    await untilActive(admin, application, 2)
    const counts = count([...running, query('SELECT 1'), transaction(102)])
    await eventually(() => resource.waitingFor!(), (lines) => lines.at(-1) === '2 callers wait for a connection')
    expect(resource.waitingFor!().slice(0, 2)).toEqual([expect.stringMatching(/^backend \d+: idle in a transaction, taken /), expect.stringMatching(/: idle in a transaction, taken /)])
    expect(resource.waitingFor!()[0]).toMatch(places[name] ?? / taken \d\.\d s ago$/)
    const drained = draining(resource)
    drained.abort()
    expect(await force(resource)).toBeLessThan(500)
    await eventually(() => counts.pending, (pending) => pending === 0)
    expect(counts).toMatchObject({ fulfilled: 0, rejected: 4, pending: 0 })
    expect(counts.errors.filter((error) => error.includes('was cut, since its time in the stop was over'))).toHaveLength(4)
    expect(resource.tally!()).toMatchObject({ done: 0, failed: 0, cut: 6, refused: 0 })
    expect(await sessionsLeft(admin, application)).toBe(0)
    expect(await rowsOf(admin)).toBe(0)
    const late = count([query('SELECT 1')])
    await eventually(() => late.pending, (pending) => pending === 0)
    expect(late.rejected).toBe(1)
  })

  test('survives the loss of an idle and of a busy connection, and serves again', async () => {
    const { application, resource, query, leak } = await create('lost')
    await leak(1)
    await query('SELECT 1')
    const pids = (await sessions(admin, application)).map(({ pid }) => pid)
    for (const pid of pids) await admin.query('SELECT pg_terminate_backend($1)', [pid])
    await sessionsLeft(admin, application)
    await eventually(() => query('SELECT 1').then(() => true, () => false), (works) => works)
    await resource.check!({ signal: AbortSignal.timeout(2_000) })
  })
})
