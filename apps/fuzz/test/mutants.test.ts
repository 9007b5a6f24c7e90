import { describe, expect, test } from 'vitest'
import { targets } from '../src/lib/targets.ts'
import { fuzz } from './tools/fuzz.ts'

describe.each(targets)('$name', ({ name, mutants }) => {
  // Always the same, so that a mutant that is found today is found tomorrow.
  test.each(mutants)('finds the mutant $name, and a command that shows it again', async (mutant) => {
    const { code, output } = await fuzz('--only', name, '--mutant', mutant.name, '--seconds', '20', '--seed', '1')
    expect(output).toMatch(new RegExp(`✗ ${name}: .*\n.*\n *broken: [^]*again: npm run fuzz -- --only ${name} --mutant ${mutant.name} --input [0-9a-f]+\n$`))
    expect(code).toBe(1)
  }, 60_000)
})
