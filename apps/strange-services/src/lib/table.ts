import { countedIn } from './invariant.ts'
import { kinds } from './kinds.ts'
import { describeMishap } from './mishap.ts'
import type { Result } from './rounds.ts'
import type { Scenario } from './scenario.ts'

/** What came of each round, one line each. */
export function resultTable(results: readonly Result[]): string {
  const hasMishaps = results.some(({ mishap }) => mishap !== undefined)
  const head = ['', 'service', hasMishaps ? 'mishap' : 'kind', 'result', 'exit', 'took', 'accepted', 'lost', 'counted', 'again']
  const rows = results.map(({ name, scenario, mishap, performance, wrong }) => {
    const what = hasMishaps ? (mishap ? describeMishap(mishap) : '') : scenario.kind
    const verdict = wrong.length === 0 ? '✓' : '✗'
    if (performance === undefined) return [verdict, name, what, 'the scenario failed', '', '', '', '', '', '']
    const { report, ending, tookMs, accounts } = performance
    const numbers = [accounts.accepted.length, accounts.lost.length, report ? countedIn(report) : 0, accounts.again.length]
    return [verdict, name, what, report?.result ?? 'no report', String(ending.code ?? ending.signal), `${(tookMs / 1_000).toFixed(1)} s`, ...numbers.map(String)]
  })
  return align([head, ...rows])
}

/** Which service shows which kind of fault, one line each. */
export function kindTable(scenarios: ReadonlyMap<string, Scenario>): string {
  return Object.entries(kinds)
    .map(([kind, meaning]) => {
      const ofKind = [...scenarios].filter(([, scenario]) => scenario.kind === kind)
      return `${kind}: ${meaning}\n${align(ofKind.map(([name, { story, uses }]) => [' ', `services/${name}`, uses.join(' '), story]))}`
    })
    .join('\n\n')
}

function align(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd()).join('\n')
}
