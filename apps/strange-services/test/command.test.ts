import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { parseOptions, UsageError } from '../src/lib/options.ts'
import { runCommand } from '../src/lib/run-command.ts'
import { allScenarios } from '../src/lib/scenarios.ts'
import { kindTable } from '../src/lib/table.ts'
import { urlsFrom } from '../src/lib/world.ts'

const scenarios = await allScenarios()

async function run(parameters: readonly string[]): Promise<{ code: number; text: string }> {
  const out = new PassThrough({ encoding: 'utf8' })
  let text = ''
  out.on('data', (piece: string) => (text += piece))
  const code = await runCommand(parseOptions(parameters, scenarios), { urls: urlsFrom(process.env), out, signal: new AbortController().signal })
  return { code, text }
}

test('tells of each round when it is over, and prints a table at the end', async () => {
  const { code, text } = await run(['append-log', 'spans'])
  expect(text).toMatch(/^✓ [12]\/2 append-log: clean, \d\.\d s$/m)
  expect(text).toMatch(/^✓ {2}spans +crash-report +clean +0 +\d\.\d s +12 +0 +0 +0$/m)
  expect(text).toMatch(/2 of 2 kept their word, in \d+ s\n$/)
  expect(code).toBe(0)
})

test('prints the seed, what was broken, and the report of a service that lost something', async () => {
  const { code, text } = await run(['savepoints', '--rounds', '1', '--seed', '3'])
  expect(text).toMatch(/^seed 3: the same rounds again with --rounds 1 --seed 3$/m)
  expect(text).toMatch(/^✓ 1\/1 savepoints, postgres (frozen|killed) \d+ ms (before|after) the signal/m)
  expect(code).toBe(0)
})

test('fails, and shows report and ledger, where a lie is not caught', async () => {
  // It loses nothing when it leaves at once.
  const scenario = { ...scenarios.get('long-poll')!, losesNothing: false, play: scenarios.get('half-requests')!.play }
  const out = new PassThrough({ encoding: 'utf8' })
  let text = ''
  out.on('data', (piece: string) => (text += piece))
  const rounds = [{ name: 'half-requests', scenario, lies: true }]
  const code = await runCommand({ rounds, atOnce: 1, isList: false, isOnOwnServers: false, seed: undefined }, { urls: urlsFrom(process.env), out, signal: new AbortController().signal })
  expect(text).toMatch(/── half-requests\nit left at once and said clean, and nothing shows it\n\nledger: /)
  expect(text).toMatch(/^report: clean, exit code 0$/m)
  expect(text).toMatch(/0 of 1 kept their word/)
  expect(code).toBe(1)
})

test('lists each service once, under its kind', () => {
  const table = kindTable(scenarios)
  for (const name of scenarios.keys()) expect(table.match(new RegExp(`services/${name} `, 'g')), name).toHaveLength(1)
})

test.each([
  [['nobody'], /there is no service nobody; there are acks-zero, /],
  [['--kind', 'strange'], /there is no kind strange; there are early-return, /],
  [['--rounds', 'many'], /--rounds takes a whole number; it is many/],
  [['--round', '3'], /Unknown option '--round'/],
  [['append-log', '--rounds', '3'], /none of these services uses a server that could be broken/],
])('refuses %j', (parameters, message) => {
  expect(() => parseOptions(parameters, scenarios)).toThrow(UsageError)
  expect(() => parseOptions(parameters, scenarios)).toThrow(message)
})
