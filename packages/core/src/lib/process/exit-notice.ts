import { callerOfExit } from './call-site.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { Bindings } from './process-bindings.ts'
import type { ProcessLike } from './process-like.ts'
import type { Progress } from '../report/progress.ts'
import { tellOperator } from './tell-operator.ts'

/** For the event `exit`: somebody else has called `process.exit`. Nothing can be saved, but it can be told, and by whom. */
export function noticeExit(code: unknown, lifecycle: Lifecycle, progress: Progress, bindings: Bindings, target: ProcessLike): void {
  if (bindings.isLeaving) return
  const state = lifecycle.state.name
  const call = `process.exit(${String(code)}) was called`
  const caller = callerOfExit()
  const by = caller === undefined ? '' : ` by ${caller}`
  const remedy = caller === undefined ? 'Find who calls it, and leave the exit to lameduck.' : 'Leave the exit to lameduck.'
  if (state === 'stopped') {
    if (bindings.deliveries.size > 0) tellOperator(target, `${call}${by} before the report was delivered, which may be lost. ${remedy}`)
  } else if (lifecycle.stopping.aborted) {
    const running = progress.running()
    tellOperator(target, `${call} while stopping${by}${running.length > 0 ? `; ${running.join(', ')} did not finish` : ''}. ${remedy}`)
  } else if (state === 'ready') {
    tellOperator(target, `${call} without a stop${by}: nothing was drained. Call lifecycle.stop() instead.`)
  }
}
