import { describe, expect, test } from 'vitest'
import { findProgram } from './tools/find-program.ts'
import { runProgram, term } from './tools/run-program.ts'

/** What `describeOtherRuntime` says, held against the real ones, where they are on PATH. */
const runtimes = [
  { name: 'Bun', path: findProgram('bun'), nodeOptions: [] },
  { name: 'Deno', path: findProgram('deno'), nodeOptions: ['run', '--allow-all'] },
]

describe.each(runtimes)('$name', ({ name, path = '', nodeOptions }) => {
  const node = { name, path, major: 0, stalledEnds: [] }

  test.skipIf(path === '')('is named once, with what is missing, and a signal drains', async () => {
    const { code, report, stdout, stderr } = await runProgram(node, 'clean', { nodeOptions, on: { ready: term } })
    expect(code).toBe(0)
    expect(stdout).toContain('second drained')
    expect(report?.result).toBe('clean')
    expect(stderr).toMatch(new RegExp(`^lameduck: warning: this process runs on ${name} [\\d.]+, and lameduck is made for Node\\.js\\. .*\\n$`))
  })

  test.skipIf(path === '' || name !== 'Bun')('does not drain on an unhandled rejection', async () => {
    const { code, stdout } = await runProgram(node, 'fatal', { nodeOptions, parameters: ['rejection'] })
    expect(code).toBe(1)
    expect(stdout).toEqual([])
  })

  test.skipIf(path === '' || name !== 'Bun')('loses the end of what is written last to a pipe', async () => {
    const { stdout } = await runProgram(node, 'big-output', { nodeOptions, on: { ready: term } })
    expect(stdout.find((line) => line.startsWith('xxx'))?.length).toBeLessThan(2_000_000)
  })
})
