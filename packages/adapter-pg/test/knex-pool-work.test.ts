import { createLifecycle, type Lifecycle, type Report } from '@lameduck/core'
import knexNewest, { type Knex } from 'knex'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { knexPool } from '../src/index.ts'
import { count, eventually, force } from './support/contexts.ts'
import { untilActive } from './support/observe.ts'
import { knexOldest } from './support/orms.ts'
import { startPrivateServer, type PrivateServer } from './support/postgres.ts'

let postgres: PrivateServer
beforeAll(async () => {
  postgres = await startPrivateServer()
})
afterAll(() => postgres.stop())

/** Knex begins a query when it is awaited. */
const begun = async <T>(query: PromiseLike<T>): Promise<T> => query

const workOf = ({ steps }: Report): unknown => steps[0]?.work

describe.each([
  ['newest', knexNewest],
  ['oldest', knexOldest],
])('%s Knex', (age, make) => {
  let instances = 0
  async function service(config: Partial<Knex.Config> = {}, timeoutMs: number = 20_000): Promise<{ db: Knex; application: string; lifecycle: Lifecycle; warnings: string[] }> {
    const application = `knex ${age} worked ${(instances += 1)}`
    const warnings: string[] = []
    const db: Knex = make({ client: 'pg', connection: { ...postgres.config, application_name: application }, pool: { min: 0, max: 1 }, log: { warn: (message: string) => warnings.push(message) }, ...config })
    const resource = knexPool(db, { onError: () => {}, timeoutMs })
    onTestFinished(async () => {
      await postgres.thaw()
      await force(resource)
    })
    const lifecycle = createLifecycle({ env: {}, policy: { graceMs: 30_000 } })
    lifecycle.add(resource)
    await lifecycle.start()
    return { db, application, lifecycle, warnings }
  }

  test('callers whose acquireConnectionTimeout is over have failed, whether they waited before the signal or came after it', async () => {
    const { db, application, lifecycle } = await service({ acquireConnectionTimeout: 200 })
    await postgres.admin.query('SELECT pg_advisory_lock(1)')
    const running = begun(db.raw('SELECT pg_advisory_xact_lock_shared(1)'))
    await untilActive(postgres.admin, application, 1)
    const waiting = [count([begun(db.raw('SELECT 1'))])]
    const stopped = lifecycle.stop()
    waiting.push(count([begun(db.raw('SELECT 2')), db.transaction(async () => {})]))
    await eventually(() => waiting.reduce((sum, { rejected }) => sum + rejected, 0), (rejected) => rejected === 3)
    await postgres.admin.query('SELECT pg_advisory_unlock(1)')
    await running
    const report = await stopped
    expect(report.result).toBe('failed')
    expect(workOf(report)).toMatchObject({ done: 1, failed: 3, reasons: [expect.stringMatching(/^waiting for a connection: .*timed out.* \(×3\)$/)] })
  })

  test('a loop that nobody stops is served for 2 s; what comes after the close is refused, and Knex does not log it', { timeout: 20_000 }, async () => {
    const { db, lifecycle, warnings } = await service()
    let done = 0
    const loop = (async () => {
      for (;;) {
        await db.raw('SELECT pg_sleep(0.001)')
        done += 1
      }
    })()
    loop.catch(() => {})
    await eventually(() => done, (rounds) => rounds > 10)
    let late: unknown
    lifecycle.add({ name: 'telemetry', phase: 'telemetry', drain: async () => void (late = await db.transaction(async () => {}).catch((error: unknown) => error)) })
    const report = await lifecycle.stop()
    await expect(loop).rejects.toMatchObject({ code: 'closed', resource: 'knex' })
    expect(late).toMatchObject({ code: 'closed', resource: 'knex' })
    expect(report.tookMs).toBeGreaterThan(1_900)
    expect(report.tookMs).toBeLessThan(3_800)
    expect(report).toMatchObject({ result: 'unknown', steps: [{ outcome: 'drained', work: { failed: 0, refused: 2 } }, {}] })
    expect(warnings).toEqual([])
  })

  test('what is cut is counted, and rejects with one error', async () => {
    const { db, application, lifecycle } = await service({}, 100)
    const counts = count([begun(db.raw('SELECT pg_sleep(30)')), begun(db.raw('SELECT 1'))])
    await untilActive(postgres.admin, application, 1)
    expect(workOf(await lifecycle.stop())).toMatchObject({ done: 0, failed: 0, cut: 2 })
    await eventually(() => counts.pending, (pending) => pending === 0)
    for (const error of counts.errors) expect(error).toContain('was cut, since its time in the stop was over')
  })

  test('a readiness check that waits for its connection is in no count', async () => {
    const db: Knex = make({ client: 'pg', connection: postgres.config, pool: { min: 0, max: 2 }, log: { warn: () => {} } })
    const resource = knexPool(db, { onError: () => {} })
    const lifecycle = createLifecycle({ env: {}, policy: { graceMs: 30_000 } })
    lifecycle.add(resource)
    await postgres.freeze()
    const asked = count([Promise.resolve(resource.check!({ signal: new AbortController().signal }))])
    expect(resource.inFlight!()).toBe(1)
    const report = await lifecycle.stop()
    await postgres.thaw()
    expect(asked.rejected).toBe(1)
    expect(workOf(report)).toEqual({ done: 0, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] })
  })
})
