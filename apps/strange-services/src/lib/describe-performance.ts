import type { StepReport } from '@lameduck/core'
import type { Performance } from './performance.ts'

const mostLines = 25

/** Report, ledger and output of one stop, for somebody who has to find out what went wrong. */
export function describePerformance({ accounts, report, ending, tookMs, graceMs, stdout, stderr, mishap }: Performance): string {
  const { accepted, done, kept, lost, again } = accounts
  return [
    ...(mishap === '' ? [] : [`mishap: ${mishap}`]),
    `ledger: ${accepted.length} accepted, ${new Set(done).size} done, ${kept.length} kept, ${lost.length} lost, ${again.length} again`,
    ...(lost.length > 0 ? [`  lost:  ${lost.slice(0, 12).join(', ')}`] : []),
    ...(again.length > 0 ? [`  again: ${again.slice(0, 12).join(', ')}`] : []),
    `process: exit ${ending.code ?? ending.signal} after ${Math.round(tookMs)} of ${graceMs} ms`,
    report === undefined ? 'report: none' : `report: ${report.result}, exit code ${report.exitCode}${report.reason.kind === 'signal' ? '' : `, because of ${report.reason.kind}`}`,
    ...(report?.steps ?? []).map(describeStep),
    ...(report?.errors ?? []).map((error) => `  uncaught: ${error}`),
    ...(report?.warnings ?? []).map((warning) => `  warning: ${warning}`),
    ...tail('stdout', stdout.filter((line) => !line.startsWith('{"lameduck"'))),
    ...tail('stderr', stderr),
  ].join('\n')
}

function describeStep({ name, outcome, startedMs, finishedMs, inFlight, work, waitingFor, errors }: StepReport): string {
  const took = startedMs === undefined || finishedMs === undefined ? '' : ` ${Math.round(startedMs)}–${Math.round(finishedMs)} ms`
  const counts = Object.entries(inFlight).filter(([, count]) => count !== undefined && count !== null)
  const tally = work ? Object.entries(work).filter(([key, count]) => key !== 'reasons' && count !== 0) : []
  const more = [
    ...(counts.length > 0 ? [`in flight ${counts.map(([when, count]) => `${when} ${count}`).join(', ')}`] : []),
    ...(tally.length > 0 ? [tally.map(([key, count]) => `${key} ${String(count)}`).join(', ')] : []),
    ...(work?.reasons ?? []),
    ...waitingFor.slice(0, 3).map((each) => `waited for ${each}`),
    ...errors,
  ]
  return `  ${name}: ${outcome}${took}${more.length > 0 ? `; ${more.join('; ')}` : ''}`
}

function tail(title: string, lines: readonly string[]): string[] {
  const shown = folded(lines)
  const left = shown.length - mostLines
  return lines.length === 0 ? [] : [`${title}:${left > 0 ? ` (${left} lines, then)` : ''}`, ...shown.slice(-mostLines).map((line) => `  │ ${line.slice(0, 400)}`)]
}

/** Lines that repeat the one before them become a number behind it. */
function folded(lines: readonly string[]): string[] {
  const runs: { line: string; times: number }[] = []
  for (const line of lines) {
    const run = runs.at(-1)
    if (run?.line === line) run.times += 1
    else runs.push({ line, times: 1 })
  }
  return runs.map(({ line, times }) => (times > 1 ? `${line} (×${times})` : line))
}
