import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const run = promisify(execFile)

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(new URL('.testing-readme-', import.meta.url).pathname)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('the README example of a test passes, and fails when the service is another', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const [, section = ''] = readme.split('\n## Testing your own shutdown\n')
  const snippet = /```ts\n([\s\S]*?)```/.exec(section)?.[1] ?? ''
  expect([...snippet.matchAll(/from '(@[^']+)'/g)].map((match) => match[1])).toEqual(['@lameduck/core', '@lameduck/core/testing'])
  expect(await passes('snippet.mjs', snippet)).toBe(true)
  const other = snippet.replace("phase: 'work'", "phase: 'telemetry'").replace(', { needs: [lifecycle.add(pool)] }', '); lifecycle.add(pool')
  expect(await passes('other.mjs', other)).toBe(false)
})

async function passes(name: string, text: string): Promise<boolean> {
  await writeFile(`${folder}/${name}`, text)
  // A runner inside a runner would report to the outer one and print nothing of its own.
  const { NODE_TEST_CONTEXT: _outer, ...env } = process.env
  const { stdout } = await run(process.execPath, ['--test', '--test-reporter=tap', `${folder}/${name}`], { env }).catch((error: { stdout: string }) => error)
  expect(stdout).toMatch(/^# tests 1$/m)
  return /^# pass 1$/m.test(stdout)
}
