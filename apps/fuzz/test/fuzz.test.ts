import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { targets } from '../src/lib/targets.ts'

const program = fileURLToPath(new URL('programs/fuzz.mjs', import.meta.url))

/** In a process of its own: what is uncaught there must not be the runner's. */
async function fuzz(...args: string[]): Promise<{ readonly code: number; readonly output: string }> {
  const running = promisify(execFile)(process.execPath, [program, ...args], { env: { PATH: process.env['PATH'] } })
  return running.then(
    ({ stdout }) => ({ code: 0, output: stdout }),
    (error: { code: number; stdout: string; stderr: string }) => ({ code: error.code, output: error.stdout + error.stderr }),
  )
}

describe.each(targets)('$name', ({ name, promise, mutants }) => {
  test(promise, async () => {
    const { code, output } = await fuzz('--only', name, '--seconds', '2')
    expect(code, output).toBe(0)
  })

  // Always the same, so that a mutant that is found today is found tomorrow.
  test.each(mutants)('finds the mutant $name, and a command that shows it again', async (mutant) => {
    const { code, output } = await fuzz('--only', name, '--mutant', mutant.name, '--seconds', '10', '--seed', '1')
    expect(output).toMatch(new RegExp(`✗ ${name}: .*\n.*\n *broken: [^]*again: npm run fuzz -- --only ${name} --mutant ${mutant.name} --input [0-9a-f]+\n$`))
    expect(code).toBe(1)
  }, 60_000)
})

test.each(['--only nothing', '--mutant x', '--seconds 0', '--input zz', '--sed 1'])('%s is refused in a line', async (line) => {
  const { code, output } = await fuzz(...line.split(' '))
  expect(code).toBe(2)
  expect(output).not.toContain('    at ')
})
