import { describe, expect, test } from 'vitest'
import { nodes } from './tools/nodes.ts'
import { runProgram } from './tools/run-program.ts'

/** What a subscriber may do, and what the report and stderr say of it. */
const harmless = [
  ['channel-throws', 'clean', /a subscriber of the channel "lameduck.lifecycle" threw, which harms nothing else: TypeError/],
  ['channel-throws-later', 'clean', /a subscriber of the channel "lameduck.lifecycle" threw/],
  ['channel-stops', 'clean', /causes events without end\. After 20 of them within one another no more are told; the first of these was "stop-repeated"/],
  ['channel-stops-and-throws', 'clean', /Error: a bug in a plugin/],
  ['rejects', 'clean', /a lameduck listener threw on "stop-begun": Error: of another realm/],
  ['thenable-throws', 'clean', /a lameduck listener threw on "stop-begun": Error: no promise at all/],
  ['stops', 'clean', /causes events without end/],
  ['stops-later', 'clean', /^$/],
  ['fatal-later', 'failed', /uncaught errors came during the stop/],
  ['warns', 'clean', /warning: stop-begun 0\./],
  ['warns-later', 'clean', /warning: there are more warnings than are told/],
  ['shrinks', 'clean', /^$/],
  ['holds', 'clean', /^$/],
] as const

describe.each(nodes)('$name: everything is drained, and soon, when a subscriber of the events', (node) => {
  test.each(harmless)('%s', async (what, result, told) => {
    const { stdout, stderr, report } = await runProgram(node, 'subscribers', { parameters: [what] })
    expect(stdout).toContain('db drained')
    expect(report).toMatchObject({ result, steps: [{ name: 'db', outcome: 'drained' }] })
    expect(stderr).toMatch(told)
    // Each event told once more would be told for ever.
    expect(stderr.length).toBeLessThan(60_000)
  })
})
