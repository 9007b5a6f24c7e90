import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from './support/contexts.ts'
import { rollbacks } from './support/ledger.ts'
import { sessionsLeft, untilActive } from './support/observe.ts'
import { createDatabase, type Database } from './support/postgres.ts'
import { runService } from './support/run-service.ts'

let postgres: Database
let admin: pg.Client
beforeAll(async () => {
  postgres = await createDatabase()
  admin = postgres.admin
  await admin.query("CREATE TABLE ledger (id int PRIMARY KEY, note text)")
})
afterAll(() => postgres.stop())

describe('a real process at SIGTERM', () => {
  test('with stuck connections exits by its own forced code, with a report, and leaves nothing in the database', async () => {
    const service = runService(new URL('fixtures/stuck-service.mjs', import.meta.url).pathname, { DATABASE_URL: postgres.url })
    await service.printed(/^ready$/)
    await untilActive(admin, 'stuck', 1)
    service.terminate()
    const { code, signal, report, stderr } = await service.ended
    expect({ code, signal }).toEqual({ code: 71, signal: null })
    expect(report?.result).toBe('forced')
    expect(report?.tookMs).toBeLessThan(1_000)
    const step = report?.steps[0]
    expect(step).toMatchObject({ name: 'pg', outcome: 'forced', inFlight: { atStop: 5, atStart: 5, atForce: 5 }, errors: [] })
    expect(step?.waitingFor).toHaveLength(4)
    expect(step?.waitingFor[0]).toMatch(/not released, taken .* at .*stuck-service\.mjs:11:/)
    expect(step?.waitingFor[1]).toContain('idle in a transaction')
    expect(step?.waitingFor[3]).toBe('2 callers wait for a connection')
    expect(service.lines.filter((line) => line.startsWith('rejected'))).toHaveLength(3)
    expect(stderr).not.toContain('uncaught')
    expect(await sessionsLeft(admin, 'stuck')).toBe(0)
    expect((await admin.query('SELECT * FROM ledger')).rows).toEqual([])
  })

  test('the README example places all 60 orders that it has heard of', async () => {
    const folder = await mkdtemp(new URL('.readme-', import.meta.url).pathname)
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
    await writeFile(`${folder}/snippet.mjs`, /```ts\n([^]*?)```/.exec(readme)?.[1] ?? '')
    const service = runService(`${folder}/snippet.mjs`, { DATABASE_URL: postgres.url })
    await service.printed(/^ready$/)
    await admin.query("SELECT pg_notify('orders', n::text) FROM generate_series(1, 60) AS n")
    await eventually(orders, (placed) => placed > 0)
    service.terminate()
    const { code, report, stderr } = await service.ended
    // On a slow machine it may take more than a second, and says so.
    expect(stderr.replaceAll(/^lameduck: still waiting for .*\n/gm, '')).toBe('')
    expect(code).toBe(0)
    expect(report?.steps.map((step) => `${step.name} ${step.outcome}`)).toEqual(['orders listener drained', 'pg drained'])
    expect(await orders()).toBe(60)
  })
})

async function orders(): Promise<number> {
  const { rows } = await admin.query<{ count: number }>('SELECT count(*)::int FROM orders')
  return rows[0]!.count
}

describe('60 transactions over a pool of 4 at SIGTERM, in a real process', () => {
  async function run(shutdown: 'naive' | 'lameduck') {
    await admin.query('DROP TABLE IF EXISTS sixty')
    await admin.query('CREATE TABLE sixty (id int PRIMARY KEY)')
    await admin.query('SELECT pg_advisory_lock(60)')
    const service = runService(new URL('fixtures/sixty-service.mjs', import.meta.url).pathname, { DATABASE_URL: postgres.url, SHUTDOWN: shutdown })
    await service.printed(/^ready$/)
    await untilActive(admin, 'sixty', 4)
    const rollbacksBefore = await rollbacks(admin)
    service.terminate()
    await service.printed(/^stopping$/)
    await admin.query('SELECT pg_advisory_unlock(60)')
    const { code, report } = await service.ended
    expect(await sessionsLeft(admin, 'sixty')).toBe(0)
    const { rows } = await admin.query<{ count: number }>('SELECT count(*)::int FROM sixty')
    return { code, report, lines: service.lines, rows: rows[0]!.count, rollbacks: (await rollbacks(admin)) - rollbacksBefore }
  }

  test('control: with the naive pool.end() 56 are never answered', async () => {
    const { lines, rows } = await run('naive')
    expect(rows).toBe(4)
    expect(lines.filter((line) => line === 'committed')).toHaveLength(4)
    expect(lines).toContain('never settled 56')
  })

  test('all commit, none is rolled back, none is without an answer', async () => {
    const { code, report, lines, rows, rollbacks: rolledBack } = await run('lameduck')
    expect(rows).toBe(60)
    expect(rolledBack).toBe(0)
    expect(lines.filter((line) => line === 'committed')).toHaveLength(60)
    expect(lines).toContain('never settled 0')
    expect(code).toBe(0)
    expect(report?.steps).toMatchObject([{ name: 'pg', outcome: 'drained', inFlight: { atStop: 60 } }])
  })
})

describe('the sections of the README on ORMs: of 60 transactions at SIGTERM, 60 commit', () => {
  /** What a program of that section does with it. */
  const places: Readonly<Record<string, string>> = {
    Knex: "(id) => db.transaction(async (trx) => { await trx('placed').insert({ id }); await trx.raw('SELECT pg_sleep(0.05)') })",
    Drizzle: '(id) => db.transaction(async (tx) => { await tx.execute(`INSERT INTO placed VALUES (${id})`); await tx.execute(`SELECT pg_sleep(0.05)`) })',
    Kysely: "(id) => db.transaction().execute(async (trx) => { await trx.insertInto('placed').values({ id }).execute(); await sql`SELECT pg_sleep(0.05)`.execute(trx) })",
    TypeORM: "(id) => dataSource.transaction(async (manager) => { await manager.query('INSERT INTO placed VALUES ($1)', [id]); await manager.query('SELECT pg_sleep(0.05)') })",
  }

  test.each(Object.entries(places))('%s', async (heading, place) => {
    await admin.query('CREATE TABLE IF NOT EXISTS placed (id int)')
    await admin.query('TRUNCATE placed')
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
    const snippet = new RegExp(`### ${heading}\n[^]*?\`\`\`ts\n([^]*?)\`\`\``).exec(readme)![1]!
    const program = `
import { bindProcess, createLifecycle } from '@lameduck/core'
${heading === 'Kysely' ? "import { sql } from 'kysely'" : ''}
const lifecycle = createLifecycle()
const onError = () => {}
${snippet}
const place = ${place}
await bindProcess(lifecycle).ready()
const placed = Array.from({ length: 60 }, (_, id) => place(id))
for (const each of placed) each.then(() => console.log('committed'), (error) => console.log('lost: ' + error.message))
console.log('ready')
`
    const folder = await mkdtemp(new URL('.readme-', import.meta.url).pathname)
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    await writeFile(`${folder}/program.mjs`, program)
    const service = runService(`${folder}/program.mjs`, { DATABASE_URL: postgres.url })
    await service.printed(/^committed$/)
    service.terminate()
    const { code, report, stderr } = await service.ended
    expect(stderr.replaceAll(/^lameduck: still waiting for .*\n/gm, '')).toBe('')
    expect(code).toBe(0)
    expect(report?.steps.map(({ outcome }) => outcome)).toEqual(['drained'])
    expect(service.lines.filter((line) => line === 'committed')).toHaveLength(60)
    expect((await admin.query('SELECT * FROM placed')).rows).toHaveLength(60)
  })
})

test('the README names every option of the three functions, with its default', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const documented = [...readme.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1])
  const names = async (file: string): Promise<string[]> => {
    const source = await readFile(new URL(`../src/lib/${file}`, import.meta.url), 'utf8')
    return [.../export interface \w+Options [^{]*\{([^]*?)\n\}/.exec(source)![1]!.matchAll(/^ {2}readonly (\w+)\?:/gm)].map((match) => match[1]!)
  }
  expect(documented).toEqual([...new Set([...(await names('pool-resource.ts')), ...(await names('pg-pool.ts')), ...(await names('pg-client.ts'))])])
})
