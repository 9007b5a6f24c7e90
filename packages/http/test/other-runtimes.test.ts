import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const program = fileURLToPath(new URL('programs/refused.mjs', import.meta.url))

async function said(command: string, ...parameters: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(command, [...parameters])
  return stdout.trim()
}

const refusal = (runtime: string): string =>
  `invalid-option: httpServer() drains servers of Node.js, and this process runs on ${runtime}, whose servers are its own. Start it with node.`

test.each([
  ['Bun 1.4.5', ['bun', '1.4.5']],
  ['Deno 2.9.6', ['deno', '2.9.6']],
])('under %s a server is refused in words that name it', async (runtime, names) => {
  expect(await said(process.execPath, program, ...names)).toBe(refusal(runtime))
})

test('under Node.js it is taken', async () => {
  expect(await said(process.execPath, program)).toBe('taken')
})

/** The real one, where it is on PATH. */
const bun = await said('bun', '--version').catch(() => '')

test.skipIf(bun === '')('the real Bun says so itself', async () => {
  expect(await said('bun', program)).toBe(refusal(`Bun ${bun}`))
})
