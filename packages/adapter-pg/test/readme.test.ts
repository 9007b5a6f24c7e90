import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from './support/contexts.ts'
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
    expect(report?.steps.map((step) => `${step.name} ${step.outcome}`)).toEqual(['orders listener idle', 'pg drained'])
    expect(await orders()).toBe(60)
  })
})

async function orders(): Promise<number> {
  const { rows } = await admin.query<{ count: number }>('SELECT count(*)::int FROM orders')
  return rows[0]!.count
}

test('the README names every option of both functions, with its default', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const documented = [...readme.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1])
  const names = async (file: string): Promise<string[]> => {
    const source = await readFile(new URL(`../src/lib/${file}`, import.meta.url), 'utf8')
    return [.../export interface \w+Options \{([^]*?)\n\}/.exec(source)![1]!.matchAll(/^ {2}readonly (\w+)\?:/gm)].map((match) => match[1]!)
  }
  expect(documented).toEqual([...new Set([...(await names('pg-pool.ts')), ...(await names('pg-client.ts'))])])
})
