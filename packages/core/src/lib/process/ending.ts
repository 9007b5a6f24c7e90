import { constants } from 'node:os'
import type { Binding } from './bind-options.ts'
import { deliverReport } from './deliver-report.ts'
import { exit } from './exit.ts'
import type { Lifecycle } from '../lifecycle.ts'
import { worstExitCode, type Bindings } from './process-bindings.ts'
import { describeStop } from '../report/describe-stop.ts'
import type { Report } from '../report/report.ts'
import { tellOperator } from './tell-operator.ts'
import type { Witness } from '../witness/witness.ts'

/**
 * How long the report may be delivered and what has been written flushed after the deadline, as a share of the margin, and how
 * much of that is kept for the flush.
 */
const afterDeadlineShare = 0.3
const flushShare = 0.1

export interface EndingInput {
  readonly lifecycle: Lifecycle
  readonly binding: Binding
  readonly bindings: Bindings
  readonly witness: Witness
  /** The test runner whose process this is. */
  readonly runner: string | undefined
  readonly isBound: () => boolean
  readonly unbind: () => void
}

export interface Ending {
  onStopped(report: Report): void
  /** Another lifecycle has ended, and has left the exit to this one, which is unbound. */
  endForOthers(): void
}

/** From the end of the stop to the end of the process, which comes with the last lifecycle. */
export function createEnding({ lifecycle, binding, bindings, witness, runner, isBound, unbind }: EndingInput): Ending {
  const { target, clock, flushMs, onReport, onReportMs } = binding
  const { marginMs } = lifecycle.policy
  return { onStopped, endForOthers: () => void leave(marginMs * afterDeadlineShare, () => true) }

  function onStopped(report: Report): void {
    bindings.reports.set(lifecycle, report)
    bindings.alive.delete(lifecycle)
    if (report.result !== 'clean') tellOperator(target, describeStop(report))

    const withinMs = Math.max(0, report.budgetMs - report.tookMs) + marginMs * afterDeadlineShare
    const delivery = deliverReport(report, { lifecycle, onReport, boundMs: Math.min(onReportMs, withinMs - keptForFlush()), target, clock })
    bindings.deliveries.add(delivery)
    void delivery.then(() => bindings.deliveries.delete(delivery))

    if (runner !== undefined && report.reason.kind !== 'signal') return void delivery.then(() => leaveToRunner(runner, report))
    // The last one's stays: it also ends an exit that hangs.
    if (bindings.alive.size > 0) return witness.retire()
    void leave(withinMs, isBound)
  }

  async function leave(withinMs: number, isWanted: () => boolean): Promise<void> {
    const latest = clock.now() + withinMs
    witness.leaveWithin(withinMs)
    // A little later than this one's own bound, so that whoever exceeds it is told of.
    await delivered(withinMs - keptForFlush() / 2)
    // Meanwhile the report's receiver may have unbound it, or another lifecycle may have been bound.
    if (!isWanted() || bindings.alive.size > 0) return witness.retire()
    const leftMs = Math.max(0, latest - clock.now())
    const leaving = exit(target, exitCode(), { flushMs: Math.min(flushMs, leftMs), withinMs: leftMs, clock, beforeExit })
    // In Vitest's process `process.exit()` throws.
    await (runner === undefined ? leaving : leaving.catch(unbind))
  }

  /** The reports of all lifecycles: another one's may still be on its way. */
  async function delivered(boundMs: number): Promise<void> {
    let cancel = (): void => {}
    const late = new Promise<void>((resolve) => (cancel = clock.setTimer(resolve, boundMs)))
    await Promise.race([Promise.all(bindings.deliveries), late])
    cancel()
  }

  function keptForFlush(): number {
    return Math.min(flushMs, marginMs * flushShare)
  }

  /** A runner takes code 0 for the end of its tests. */
  function exitCode(): number {
    const code = worstExitCode(bindings.reports.values(), target.exitCode)
    const signal = bindings.signal?.signal
    return runner !== undefined && code === 0 && signal !== undefined ? 128 + constants.signals[signal] : code
  }

  function beforeExit(): void {
    bindings.isLeaving = true
    for (const callback of bindings.beforeExit) callback()
  }

  function leaveToRunner(name: string, { reason, exitCode }: Report): void {
    if (!isBound()) return
    tellOperator(
      target,
      `warning: this process runs the tests of ${name}, so it is not ended with the lifecycle, which is unbound now. ` +
        'Call unbind() before a test stops it, or bind it to { process: createFakeProcess() } of @lameduck/core/testing.',
    )
    // A failed start is what ready() rejects with.
    if (reason.kind === 'fatal' && reason.origin !== 'start') target.exitCode ||= exitCode
    unbind()
  }
}
