import { createLifecycle, trackedWork, type LifecycleEvent, type Report } from '@lameduck/core'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { pgClient, pgPool, type PgClientOptions } from '../src/index.ts'
import { count, eventually, force } from './support/contexts.ts'
import { untilActive } from './support/observe.ts'
import { createDatabase, type Database } from './support/postgres.ts'

let postgres: Database
let admin: pg.Client
beforeAll(async () => {
  postgres = await createDatabase()
  admin = postgres.admin
})
afterAll(() => postgres.stop())

let clients = 0
async function service(options: PgClientOptions = {}, timeoutMs: number = 20_000) {
  const application = `worked client ${(clients += 1)}`
  const client = new pg.Client({ ...postgres.config, application_name: application })
  const resource = pgClient(client, { onError: () => {}, name: 'listener', timeoutMs, ...options })
  onTestFinished(async () => void (await force(resource)))
  await client.connect()
  const lifecycle = createLifecycle({ env: {}, policy: { graceMs: 30_000 } })
  lifecycle.add(resource)
  const events: LifecycleEvent[] = []
  lifecycle.subscribe((event) => events.push(event))
  await lifecycle.start()
  return { client, resource, application, lifecycle, events }
}

/** What a promise is returned to has no type for it. */
function listen(client: pg.ClientBase, listener: (message: pg.Notification) => unknown): void {
  client.on('notification', listener as (message: pg.Notification) => void)
}

async function notify(payloads: readonly string[]): Promise<void> {
  for (const payload of payloads) await admin.query('SELECT pg_notify($1, $2)', ['work', payload])
}

const step = ({ steps }: Report, name: string = 'listener'): Report['steps'][number] | undefined => steps.find((each) => each.name === name)

/** Resolves when it is told to. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}

describe('what the listeners of notification begin', () => {
  test('is waited for and counted, what is heard in the drain too; after it nothing is heard', async () => {
    const { client, resource, lifecycle } = await service()
    const { opened, open } = gate()
    const [heard, done]: [string[], string[]] = [[], []]
    listen(client, async ({ payload }) => {
      heard.push(payload!)
      await opened
      // The client itself still answers to whom it has woken.
      await client.query('SELECT 1')
      done.push(payload!)
    })
    await client.query('LISTEN work')
    await notify(['1', '2', '3'])
    await eventually(() => heard.length, (all) => all === 3)
    expect(resource.inFlight!()).toBe(3)
    await notify(['4'])
    const stopped = lifecycle.stop()
    await eventually(() => heard.length, (all) => all === 4)
    expect(resource.waitingFor!()).toContainEqual(expect.stringMatching(/^notification on work \d\.\d s$/))
    await eventually(async () => (await admin.query('SELECT 1 FROM pg_stat_activity WHERE query = $1', ['UNLISTEN *'])).rows.length, (rows) => rows === 1)
    await notify(['5'])
    open()
    const report = await stopped
    expect(report.result).toBe('clean')
    expect(step(report)).toMatchObject({ outcome: 'drained', work: { done: 8, failed: 0, unknown: 0 } })
    expect([heard, done]).toEqual([['1', '2', '3', '4'], ['1', '2', '3', '4']])
  })

  test('is unknown when a listener returns no promise, and the report says what to do; not where notifications bring no work', async () => {
    const { client, lifecycle } = await service()
    let heard = 0
    client.on('notification', () => void (heard += 1))
    await client.query('LISTEN work')
    await notify(['1', '2'])
    await eventually(() => heard, (all) => all === 2)
    const report = await lifecycle.stop()
    expect(report).toMatchObject({ result: 'unknown', exitCode: 0 })
    expect(step(report)).toMatchObject({ outcome: 'unknown', work: { unknown: 2, reasons: [expect.stringMatching(/^notification: its listener returned no promise.* \(×2\)$/)] } })

    const cache = await service({ phase: 'connections' })
    cache.client.on('notification', () => void (heard += 1))
    await cache.client.query('LISTEN work')
    await notify(['3'])
    await eventually(() => heard, (all) => all === 3)
    expect((await cache.lifecycle.stop()).result).toBe('clean')
  })

  test('fails the step when it fails, and is cut with the step', async () => {
    const { client, lifecycle } = await service()
    const jobs = trackedWork('jobs')
    lifecycle.add(jobs)
    const failing = gate()
    client.on('notification', jobs.wrap(() => failing.opened))
    await client.query('LISTEN work')
    await notify(['1'])
    await eventually(() => jobs.inFlight!(), (all) => all === 1)
    const stopped = lifecycle.stop()
    failing.open()
    const report = await stopped
    expect([report.result, step(report)?.work?.done, step(report, 'jobs')?.work?.done]).toEqual(['clean', 0, 1])

    const slow = await service({}, 200)
    let heard = 0
    listen(slow.client, () => ((heard += 1), new Promise(() => {})))
    await slow.client.query('LISTEN work')
    await notify(['2'])
    await eventually(() => heard, (all) => all === 1)
    const cut = await slow.lifecycle.stop()
    expect(step(cut)).toMatchObject({ outcome: 'forced', waitingFor: [expect.stringMatching(/^notification on work /)], work: { cut: 1 } })
  })
})

describe('the queries of a client', () => {
  test('are counted; later ones are refused in every style, and the stop is not clean', async () => {
    const { client, lifecycle } = await service()
    const works = count([client.query('SELECT pg_sleep(0.05)'), client.query('not even SQL'), client.query('SELECT 2')])
    const late: string[] = []
    const ask = async (): Promise<void> => {
      const byCallback = new Promise((_resolve, reject) => client.query('UPDATE a SET b = 1', (error) => reject(error)))
      const own = new pg.Query('DELETE FROM a')
      const byQuery = new Promise((_resolve, reject) => client.query(own).on('error', reject))
      for (const each of await Promise.allSettled([client.query('SELECT 1'), byCallback, byQuery])) late.push(each.status === 'rejected' ? (each.reason as Error).message : 'served')
    }
    lifecycle.add({ name: 'telemetry', phase: 'telemetry', drain: ask })
    const report = await lifecycle.stop()
    expect(works).toMatchObject({ fulfilled: 2, rejected: 1 })
    expect(report.result).toBe('unknown')
    expect(step(report)).toMatchObject({ outcome: 'drained', work: { done: 3, failed: 0, refused: 3 } })
    expect(late).toEqual(['SELECT', 'UPDATE', 'DELETE'].map((what) => `"listener" is closed, since the service stops: nothing of this was done (${what})`))
  })

  test('have failed when the connection is lost, and are cut with one error', async () => {
    const { client, lifecycle, application } = await service()
    const running = count([client.query('SELECT pg_sleep(30)'), client.query('SELECT 1')])
    await untilActive(admin, application, 1)
    const stopped = lifecycle.stop()
    await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [application])
    expect(step(await stopped)).toMatchObject({ outcome: 'failed', work: { failed: 2 } })
    expect(running.rejected).toBe(2)

    const slow = await service({}, 100)
    const cut = count([slow.client.query('SELECT pg_sleep(30)'), slow.client.query('INSERT INTO a VALUES (1)')])
    await untilActive(admin, slow.application, 1)
    expect(step(await slow.lifecycle.stop())).toMatchObject({ outcome: 'forced', work: { cut: 2, done: 0, failed: 0 } })
    await eventually(() => cut.pending, (pending) => pending === 0)
    expect(cut.errors).toEqual(['SELECT', 'INSERT'].map((what) => `LifecycleError: "listener" was cut, since its time in the stop was over: it is not known whether this was done (${what})`))
  })

  test('do not include what a readiness check asks', async () => {
    const { resource, lifecycle } = await service()
    const signal = AbortSignal.timeout(2_000)
    const before = resource.check!({ signal })
    const stopped = lifecycle.stop()
    await before
    expect(step(await stopped)).toMatchObject({ work: { done: 0 } })
  })

  test('of a loop that nobody stops are served for 2 s, and no longer', { timeout: 20_000 }, async () => {
    const { client, lifecycle } = await service()
    let done = 0
    const loop = (async () => {
      for (;;) {
        await client.query('SELECT pg_sleep(0.001)')
        done += 1
      }
    })()
    loop.catch(() => {})
    await eventually(() => done, (rounds) => rounds > 10)
    const report = await lifecycle.stop()
    await expect(loop).rejects.toMatchObject({ code: 'closed' })
    expect(report.tookMs).toBeGreaterThan(1_900)
    expect(report.tookMs).toBeLessThan(3_900)
    expect(step(report)).toMatchObject({ outcome: 'drained', work: { failed: 0, refused: 1 } })
  })

  test('of a transaction that began before the drain are waited for, however long they take', { timeout: 20_000 }, async () => {
    const { client, lifecycle } = await service()
    await client.query('BEGIN')
    const stopped = lifecycle.stop()
    for (let round = 0; round < 8; round += 1) {
      await client.query('SELECT pg_sleep(0.5)')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    await client.query('COMMIT')
    expect(step(await stopped)).toMatchObject({ outcome: 'drained', work: { done: 9, refused: 0 } })
  })
})

test('a client that has lost its connection has died for good: that is told, and no later stop is clean', async () => {
  const { lifecycle, application, events } = await service()
  const heard = new Promise<void>((resolve) => lifecycle.subscribe(({ type }) => type === 'resource-ended' && resolve()))
  await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [application])
  await heard
  expect(events).toContainEqual({ type: 'resource-ended', name: 'listener', why: expect.stringContaining('terminating connection due to administrator command') })
  const report = await lifecycle.stop()
  expect(report.result).toBe('failed')
  expect(step(report)?.errors).toEqual([expect.stringMatching(/^it ended by itself before the stop: .*terminating connection/)])
})

test('a client that its owner has ended has not died', async () => {
  const { client, lifecycle, events } = await service()
  await client.end()
  expect((await lifecycle.stop()).result).toBe('clean')
  expect(events.map(({ type }) => type)).not.toContain('resource-ended')
})

test('the report of a pool says of a client that was not released that it listens', async () => {
  const pool = new pg.Pool({ ...postgres.config, max: 1 })
  const resource = pgPool(pool, { onError: () => {}, timeoutMs: 100 })
  const client = await pool.connect()
  client.on('notification', () => {})
  await client.query('LISTEN work')
  const lifecycle = createLifecycle({ env: {} })
  lifecycle.add(resource)
  const report = await lifecycle.stop()
  expect(step(report, 'pg')).toMatchObject({ outcome: 'forced', waitingFor: [expect.stringMatching(/^backend \d+: listening; register this client with pgClient\(\), taken 0\.\d s ago$/)] })
})
