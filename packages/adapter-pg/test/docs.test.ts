import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type Database } from './support/postgres.ts'
import { runService } from './support/run-service.ts'

let postgres: Database
let folder: string
beforeAll(async () => {
  postgres = await createDatabase()
  folder = await mkdtemp(new URL('.docs-', import.meta.url).pathname)
})
afterAll(async () => {
  await postgres.stop()
  await rm(folder, { recursive: true, force: true })
})

test('the snippet of docs/postgresql.md prints what the page says', async () => {
  const page = await readFile(new URL('../../../docs/postgresql.md', import.meta.url), 'utf8')
  await writeFile(`${folder}/snippet.mjs`, /```ts\n([^]*?)```/.exec(page)?.[1] ?? '')
  const service = runService(`${folder}/snippet.mjs`, { DATABASE_URL: postgres.url })
  const { code, stderr } = await service.ended
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(service.lines).toHaveLength(3)
  for (const line of service.lines) expect(page).toContain(`\`${line}\``)
})
