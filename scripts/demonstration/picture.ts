import { renderReport } from '@lameduck/core'
import type { ReplicaRecord } from '@lameduck/rehearsal'
import { graceMs, type Side } from './side.ts'
import type { Losses } from './losses.ts'

const width = 100

/** A waterfall for each replica that was told to leave; one bar for a replica that keeps no report. */
export function drawReplicas(side: Side, color: boolean): string {
  return side.rehearsal.replicas
    .filter((replica) => replica.signalledAtMs !== undefined)
    .map((replica) => (replica.report ? renderReport(replica.report, { width, color, title: replica.name }) : drawBar(replica, color)))
    .join('\n\n')
}

function drawBar({ name, exit }: ReplicaRecord, color: boolean): string {
  const bar = width - name.length - 44
  const used = Math.min(bar, Math.max(1, Math.round(((exit?.afterSignalMs ?? graceMs) / graceMs) * bar)))
  const filled = exit?.code === 0 ? '█' : '▓'
  const painted = paint(filled.repeat(used), exit?.code === 0 ? 32 : 31, color)
  return `${name} │${painted}${' '.repeat(bar - used)}│ ${exit?.signal ? 'died of' : 'exit code'} ${describeExit(exit?.code ?? null, exit?.signal ?? null)} after ${seconds(exit?.afterSignalMs)} of ${seconds(graceMs)}`
}

/** Both sides beside each other, what should be 0 in red where it is not. */
export function drawTable(lameduck: Losses, baseline: Losses, color: boolean): string {
  const rows: [string, string, string, boolean][] = [
    row('requests sent', (losses) => losses.requests.sent),
    row('requests lost', (losses) => losses.requests.lost, true),
    row('orders accepted (201)', (losses) => losses.orders?.accepted),
    row('orders accepted but missing', (losses) => losses.orders?.missing, true),
    row('order events published', (losses) => losses.events?.published),
    row('shipments', (losses) => losses.events?.shipments),
    row('order events lost', (losses) => losses.events?.lost, true),
    row('order events handled twice', (losses) => losses.events?.duplicated, true),
    row('exit codes', (losses) => counted(losses.exits.map((exit) => describeExit(exit.code, exit.signal)))),
    row('grace period used, at most', (losses) => `${seconds(Math.max(...losses.exits.map((exit) => exit.afterSignalMs ?? 0)))} of ${seconds(graceMs)}`),
  ]
  const head: [string, string, string, boolean] = ['', 'lameduck', 'copied helper', false]
  const widths = [0, 1, 2].map((column) => Math.max(...[head, ...rows].map((each) => String(each[column as 0]).length)))
  return [head, ...rows]
    .map(([name, ours, theirs, shouldBeZero]) => {
      const cells = [ours, theirs].map((cell, index) => {
        const padded = cell.padStart((widths[index + 1] ?? 0) + 2)
        return shouldBeZero && cell !== '–' ? paint(padded, cell === '0' ? 32 : 31, color) : padded
      })
      return `${name.padEnd(widths[0] ?? 0)} ${cells.join(' ')}`
    })
    .join('\n')

  function row(name: string, of: (losses: Losses) => number | string | undefined, shouldBeZero = false): [string, string, string, boolean] {
    return [name, String(of(lameduck) ?? '–'), String(of(baseline) ?? '–'), shouldBeZero]
  }
}

export function describeExit(code: number | null, signal: string | null): string {
  return signal ?? String(code ?? '–')
}

/** `0 ×2, SIGKILL` */
function counted(values: readonly string[]): string {
  return [...new Set(values)].map((value) => {
    const times = values.filter((each) => each === value).length
    return times === 1 ? value : `${value} ×${times}`
  }).join(', ')
}

function seconds(ms: number | null | undefined): string {
  return ms === null || ms === undefined ? '–' : `${(ms / 1_000).toFixed(1)} s`
}

function paint(text: string, code: number, color: boolean): string {
  return color ? `\u001B[${code}m${text}\u001B[0m` : text
}
