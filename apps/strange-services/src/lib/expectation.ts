import type { Performance } from './performance.ts'
import type { Expectation } from './scenario.ts'

/** In what a performance differs from what was expected of it, one sentence each. */
export function differencesFrom(expected: Expectation, { accounts, report, ending, tookMs, stdout, stderr }: Performance): string[] {
  const { result = 'clean', exitCode, withinMs, again = 0, says = [], neverSays = [], mostStderrLines } = expected
  const results = typeof result === 'string' ? [result] : result
  const lost = expected.lost ?? (results.length === 1 && results[0] === 'clean' ? 0 : undefined)
  const written = [...stdout, ...stderr].join('\n')
  const rules: [boolean, string][] = [
    [report === undefined || results.includes(report.result), `the result should be ${results.join(' or ')}, and is ${report?.result}`],
    [exitCode === undefined || ending.code === exitCode, `the exit code should be ${exitCode}, and is ${ending.code ?? ending.signal}`],
    [lost === undefined || accounts.lost.length === lost, `${lost} should be lost, and ${accounts.lost.length} are: ${accounts.lost.slice(0, 8).join(', ')}`],
    [again === 'any' || accounts.again.length === again, `${again} should be done again, and ${accounts.again.length} are: ${accounts.again.slice(0, 8).join(', ')}`],
    [withinMs === undefined || tookMs <= withinMs, `it should be gone after ${withinMs} ms, and took ${Math.round(tookMs)} ms`],
    ...says.map((text): [boolean, string] => [text.test(written), `it should have written ${text}`]),
    ...neverSays.map((text): [boolean, string] => [!text.test(written), `it should not have written ${text}`]),
    [mostStderrLines === undefined || stderr.length <= mostStderrLines, `it should have written ${mostStderrLines} lines on stderr at most, and wrote ${stderr.length}`],
  ]
  return rules.filter(([isKept]) => !isKept).map(([, difference]) => difference)
}
