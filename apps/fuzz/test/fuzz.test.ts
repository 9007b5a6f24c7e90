import { expect, test } from 'vitest'
import { targets } from '../src/lib/targets.ts'
import { fuzz } from './tools/fuzz.ts'

test.each(targets)('$name: $promise', async ({ name }) => {
  const { code, output } = await fuzz('--only', name, '--seconds', '2')
  expect(code, output).toBe(0)
})

test.each(['--only nothing', '--mutant x', '--seconds 0', '--input zz', '--sed 1'])('%s is refused in a line', async (line) => {
  const { code, output } = await fuzz(...line.split(' '))
  expect(code).toBe(2)
  expect(output).not.toContain('    at ')
})
