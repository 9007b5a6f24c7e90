import type { Clock } from '../clock.ts'
import { describeError } from '../describe-value.ts'
import { describeMs } from '../duration.ts'
import { settledKey } from '../events.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { Report } from '../report/report.ts'
import { reportLine } from '../report/report-line.ts'
import { isThenable } from '../thenable.ts'
import { tellOperator } from './tell-operator.ts'
import type { ProcessLike } from './process-like.ts'

export interface Delivering {
  readonly lifecycle: Lifecycle
  readonly onReport: (report: Report) => unknown
  /** Longest wait, in ms. */
  readonly boundMs: number
  readonly target: ProcessLike
  readonly clock: Clock
}

/**
 * Hands the report to its receiver in this tick, and resolves when it has been delivered, has failed, or the bound is over. Never
 * rejects: what went wrong is told, and a report whose receiver did not take it is written to stdout. Listeners of `stopped`
 * have the same time, as those of the other events of the stop; what they reject with is told by the lifecycle.
 */
export async function deliverReport(report: Report, { lifecycle, onReport, boundMs, target, clock }: Delivering): Promise<void> {
  const receiver = hand(onReport, report)
  // Then every other listener of this event has been called.
  await Promise.resolve()
  const listeners = (lifecycle as { [settledKey]?: () => Promise<unknown> })[settledKey]?.() ?? Promise.resolve()
  const [received, heard] = await Promise.all([bounded(receiver, boundMs, clock), bounded(listeners, boundMs, clock)])

  if (received.state !== 'settled') {
    const why = received.state === 'late' ? `onReport had not finished after ${describeMs(boundMs)}` : describeError(received.error)
    tellOperator(target, `the report could not be written: ${why}`)
    writeLine(report, target)
  }
  if (heard.state === 'late') tellOperator(target, `a listener of an event of the stop, or of lifecycle.stopping or draining, had not finished after ${describeMs(boundMs)}; the process does not wait any longer`)
}

/** A synchronous throw becomes a rejection. */
function hand(onReport: (report: Report) => unknown, report: Report): Promise<unknown> | undefined {
  try {
    const returned = onReport(report)
    return isThenable(returned) ? Promise.resolve(returned) : undefined
  } catch (error) {
    return Promise.reject(error as Error)
  }
}

type End = { readonly state: 'settled' } | { readonly state: 'late' } | { readonly state: 'failed'; readonly error: unknown }

async function bounded(promise: Promise<unknown> | undefined, boundMs: number, clock: Clock): Promise<End> {
  if (!promise) return { state: 'settled' }
  let cancel = (): void => {}
  const settled = promise.then(
    (): End => ({ state: 'settled' }),
    (error: unknown): End => ({ state: 'failed', error }),
  )
  const late = new Promise<End>((resolve) => {
    cancel = clock.setTimer(() => resolve({ state: 'late' }), boundMs)
  })
  const end = await Promise.race([settled, late])
  cancel()
  return end
}

function writeLine(report: Report, target: ProcessLike): void {
  try {
    target.stdout.write(`${reportLine(report)}\n`)
  } catch {
    // Nobody is left to be told.
  }
}
