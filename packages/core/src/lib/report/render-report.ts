import { describeMs } from '../duration.ts'
import { requireOptions } from '../require-options.ts'
import { describeReason } from '../reason.ts'
import { describeDoubt } from './describe-stop.ts'
import { lameDuckStep, type Report, type StepReport } from './report.ts'

export interface RenderOptions {
  /** Columns of the whole picture. @default 100 */
  readonly width?: number
  /** Colour by ANSI sequences. @default false */
  readonly color?: boolean
  /** A name for the first line, such as the replica's. */
  readonly title?: string
}

const colors = { idle: 90, drained: 32, unknown: 33, forced: 31, failed: 33, skipped: 90 } as const
const marks = { idle: '·', drained: '█', unknown: '░', forced: '▓', failed: '▒', skipped: '·' } as const

/**
 * The report as a waterfall: one bar for each step from its start to its end, `┊` where it would have been cut,
 * and the whole budget as the width. A pure function of the report.
 */
export function renderReport(report: Report, options: RenderOptions = {}): string {
  const { color = false, title } = requireOptions(options, { width: true, color: true, title: true }, 'renderReport()')
  const width = Math.min(options.width ?? 100, 1_000)
  const nameWidth = Math.min(24, Math.max(...report.steps.map((step) => step.name.length), 4))
  const tailWidth = 24
  const barWidth = Math.max(10, width - nameWidth - tailWidth - 4)
  const scaleMs = Math.max(report.budgetMs, report.tookMs)
  const head =
    `${title ? `${title}  ` : ''}${describeReason(report.reason)} → ${report.result}, exit code ${report.exitCode}, ` +
    `${describeMs(report.tookMs)} of ${describeMs(report.budgetMs)}`
  const steps = report.steps.toSorted((a, b) => (a.startedMs ?? 1e12) - (b.startedMs ?? 1e12) || Number(b.name === lameDuckStep) - Number(a.name === lameDuckStep))
  const lines = steps.map((step) => {
    const bar = paint(drawBar(step, barWidth, scaleMs), step, color)
    return `${fit(step.name, nameWidth)} │${bar}│ ${tail(step)}`.trimEnd()
  })
  const axis = `${' '.repeat(nameWidth)} 0${fitRight(`deadline ${describeMs(report.budgetMs)}`, barWidth)}`
  return [fit(head, width).trimEnd(), ...lines, axis, ...notes(report)].join('\n')
}

/** What no bar can show. */
function notes({ cause, errors, steps, warnings }: Report): string[] {
  return [
    ...(cause ? [`cause: ${cause.kind}, ${cause.detail}`] : []),
    ...steps.flatMap((step) => step.errors.map((error) => `error: ${step.name}: ${error}`)),
    ...errors.map((error) => `error: ${error}`),
    ...steps.flatMap(describeDoubt).map((doubt) => `doubt: ${doubt}`),
    ...warnings.map((warning) => `warning: ${warning}`),
  ]
}

function drawBar(step: StepReport, width: number, scaleMs: number): string {
  const column = (ms: number): number => Math.min(width - 1, Math.max(0, Math.floor((ms / scaleMs) * width)))
  const cells = Array.from({ length: width }, () => ' ')
  if (step.deadlineMs !== undefined) cells[column(step.deadlineMs)] = '┊'
  if (step.startedMs !== undefined) {
    const end = column(step.finishedMs ?? step.startedMs)
    for (let at = column(step.startedMs); at <= end; at += 1) cells[at] = marks[step.outcome]
  }
  return cells.join('')
}

function tail(step: StepReport): string {
  if (step.startedMs === undefined || step.finishedMs === undefined) return step.outcome
  const cut = step.inFlight.atForce ?? step.work?.cut
  const lost = step.outcome === 'forced' && cut !== undefined ? `, ${cut} cut` : ''
  const failed = step.work?.failed ? `, ${step.work.failed} failed` : ''
  const left = step.unfinished ? `, ${step.unfinished} left` : ''
  return `${step.outcome} ${describeMs(step.finishedMs - step.startedMs)}${lost}${failed}${left}`
}

function paint(bar: string, step: StepReport, color: boolean): string {
  return color ? `\u001B[${colors[step.outcome]}m${bar}\u001B[0m` : bar
}

function fit(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width)
}

function fitRight(text: string, width: number): string {
  return text.length > width ? text.slice(0, width) : text.padStart(width)
}
