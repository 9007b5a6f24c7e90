import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type Database } from './support/postgres.ts'
import { runService } from './support/run-service.ts'

let postgres: Database
beforeAll(async () => {
  postgres = await createDatabase()
})
afterAll(() => postgres.stop())

test.each([
  ['pg', 'SELECT'],
  ['pg transaction', 'connect'],
  ['knex', 'connect'],
  ['drizzle', 'SELECT'],
  ['kysely', 'connect'],
  ['typeorm', 'connect'],
])('a timer that nobody stops, and that uses %s after the close, costs one line, and neither the exit code nor a stack trace', async (library, what) => {
  const service = runService(new URL('fixtures/heartbeat-service.mjs', import.meta.url).pathname, { DATABASE_URL: postgres.url, LIBRARY: library })
  await service.printed(/^ready$/)
  service.terminate()
  const { code, report, stderr } = await service.ended
  expect(code).toBe(0)
  expect(report?.result).toBe('unknown')
  expect(report?.errors).toEqual([])
  const { refused = 0 } = report?.steps.find(({ name }) => name === 'database')?.work ?? {}
  expect(refused).toBeGreaterThan(3)
  expect(stderr).toBe(`lameduck: stopped on SIGTERM; database was used ${refused} times after its close; all were refused (${what} ×${refused})\n`)
})
