import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const program = fileURLToPath(new URL('programs/soak.mjs', import.meta.url))

function soak(sabotage: string, minutes: string): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, '--minutes', minutes, '--seed', '5', '--sabotage', sabotage], { maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr })
    })
  })
}

// Long enough for a restart, and for a figure to grow.
test.each([
  ['leak', '1.5', /✗ listeners has grown/],
  ['lose', '0.7', /✗ replica \d+: \d+ orders lost/],
  ['hang', '0.7', /✗ replica \d+: there is no report/],
])('a service with the fault "%s" is found', { timeout: 400_000 }, async (sabotage, minutes, line) => {
  const { code, output } = await soak(sabotage, minutes)
  expect(output).toMatch(line)
  expect(code).toBe(1)
})
