import { createRequire } from 'node:module'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import QueryStream from 'pg-query-stream'
import { describe, expect, onTestFinished, test } from 'vitest'
import { pgPool } from '../src/index.ts'
import { count, draining, eventually, force } from './support/contexts.ts'
import { rowsOf, withLedger } from './support/ledger.ts'
import { sessionsLeft } from './support/observe.ts'
import type { Database } from './support/postgres.ts'

// It has no types.
const require = createRequire(import.meta.url)
const copy = require('pg-copy-streams') as { from(text: string): Writable & pg.Submittable; to(text: string): Readable & pg.Submittable }

let postgres: Database
let admin: pg.Client
withLedger((database) => {
  postgres = database
  admin = database.admin
})

async function checkedOut(application: string) {
  const pool = new pg.Pool({ ...postgres.config, application_name: application, max: 2 })
  const resource = pgPool(pool, { onError: () => {} })
  onTestFinished(async () => void (await force(resource)))
  return { resource, client: await pool.connect() }
}

/** Lines that come one at a time, for as long as somebody reads them, until `end`. */
function lines() {
  let ended = false
  let next = 0
  const source = new Readable({
    read: () => void setImmediate(() => source.push(ended ? null : `${(next += 1)}\n`)),
  })
  return { source, given: () => next, end: () => (ended = true) }
}

/** Takes one row, and the next ones only when it is let go on. */
function held() {
  let goOn = (): void => {}
  const taken: unknown[] = []
  const sink = new Writable({
    objectMode: true,
    highWaterMark: 1,
    write(row, _encoding, next) {
      taken.push(row)
      if (taken.length === 1) goOn = next
      else next()
    },
  })
  return { sink, taken, goOn: () => goOn() }
}

describe('drain waits for', () => {
  test('a COPY into the table', async () => {
    const { resource, client } = await checkedOut('copy drained')
    const { source, given, end } = lines()
    const copied = pipeline(source, client.query(copy.from('COPY ledger FROM STDIN'))).finally(() => client.release())
    await eventually(given, (lines) => lines > 10)
    const drained = draining(resource)
    const counts = count([drained.done])
    await eventually(given, (lines) => lines > 100)
    expect(counts.pending).toBe(1)
    expect(resource.waitingFor!()[0]).toContain('running a query')
    end()
    await copied
    await drained.done
    expect(await rowsOf(admin)).toBe(given())
  })

  test('a query stream that is read slowly, and for its last row', async () => {
    const { resource, client } = await checkedOut('stream drained')
    const { sink, taken, goOn } = held()
    const piped = pipeline(client.query(new QueryStream('SELECT generate_series(1, 1000) AS id')), sink).finally(() => client.release())
    await eventually(() => taken.length, (rows) => rows === 1)
    const drained = draining(resource)
    const counts = count([drained.done])
    goOn()
    await piped
    expect(counts.pending).toBe(1)
    await drained.done
    expect(taken).toHaveLength(1_000)
  })
})

describe('force ends', () => {
  test('a COPY into the table: nothing of it is kept, and its pipeline settles', async () => {
    const { resource, client } = await checkedOut('copy from cut')
    const { source, given } = lines()
    const counts = count([pipeline(source, client.query(copy.from('COPY ledger FROM STDIN')))])
    await eventually(given, (lines) => lines > 100)
    expect(await force(resource)).toBeLessThan(500)
    await eventually(() => counts.pending, (pending) => pending === 0)
    expect(counts.rejected).toBe(1)
    expect(await sessionsLeft(admin, 'copy from cut')).toBe(0)
    expect(await rowsOf(admin)).toBe(0)
  })

  test('a COPY into the table whose source is silent', async () => {
    const { resource, client } = await checkedOut('copy silent cut')
    const source = new Readable({ read: () => {} })
    const counts = count([pipeline(source, client.query(copy.from('COPY ledger FROM STDIN')))])
    source.push('1\n')
    await eventually(() => resource.waitingFor!()[0], (line) => line?.includes('running a query') === true)
    expect(await force(resource)).toBeLessThan(500)
    await eventually(() => counts.pending, (pending) => pending === 0)
    expect(counts.rejected).toBe(1)
    expect(await sessionsLeft(admin, 'copy silent cut')).toBe(0)
  })

  test.each([
    ['flowing', false],
    ['held back', true],
  ])('a COPY out of the table, %s', async (how, isHeld) => {
    const application = `copy to ${how}`
    const { resource, client } = await checkedOut(application)
    const { sink, taken, goOn } = held()
    const counts = count([pipeline(client.query(copy.to('COPY (SELECT generate_series(1, 3000000)) TO STDOUT')), sink)])
    await eventually(() => taken.length, (chunks) => chunks > 0)
    if (!isHeld) {
      goOn()
      await eventually(() => taken.length, (chunks) => chunks > 3)
    }
    expect(await force(resource)).toBeLessThan(500)
    goOn()
    await eventually(() => counts.pending, (pending) => pending === 0)
    expect(counts.rejected).toBe(1)
    expect(await sessionsLeft(admin, application)).toBe(0)
  })

  test('a cursor that was left open, which keeps its client; who reads on is told', async () => {
    const { resource, client } = await checkedOut('cursor cut')
    const { cursor } = client.query(new QueryStream('SELECT generate_series(1, 1000) AS id'))
    expect(await cursor.read(3)).toHaveLength(3)
    const drained = draining(resource)
    expect(resource.waitingFor!()[0]).toContain('running a query')
    drained.abort()
    expect(await force(resource)).toBeLessThan(500)
    expect(await sessionsLeft(admin, 'cursor cut')).toBe(0)
    await expect(cursor.read(3)).rejects.toThrow()
  })
})
