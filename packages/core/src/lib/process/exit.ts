import { accessSync, constants } from 'node:fs'
import type { Clock } from '../clock.ts'
import { flush } from './flush.ts'
import type { ProcessLike } from './process-like.ts'

/** How `process.getActiveResourcesInfo()` names what a thread of libuv's pool may be at: files, and look-ups of names. */
const pooled: ReadonlySet<string> = new Set(['FSReqCallback', 'FSReqPromise', 'GetAddrInfoReqWrap', 'GetNameInfoReqWrap'])

/** Time for ordinary work of the pool to end, in ms. */
const poolMs = 50

/**
 * Ends the process: the only place in lameduck that does, where JavaScript runs. Never by re-raising the signal, which does
 * nothing in a container where the service is PID 1.
 *
 * `process.exit` joins the threads of libuv's pool: an unanswered name look-up held it up for 5 to 10 s in measurements, the
 * open of a FIFO for ever. Where such work is pending, and the platform can do it (Node 22.15 and later, not Windows), the
 * process becomes another Node that exits with the same code, which waits for no thread; its `exit` listeners are called before.
 */
export async function exit(target: ProcessLike, code: number, flushMs: number, clock: Clock): Promise<void> {
  target.exitCode = code
  try {
    await flush([target.stdout, target.stderr], flushMs, clock)
    if (isPoolBusy(target)) await new Promise<void>((resolve) => void clock.setTimer(resolve, poolMs))
    if (isPoolBusy(target) && mayBecomeAnother(target)) {
      target.emit?.('exit', code)
      target.execve?.(process.execPath, [process.execPath, '-e', `process.exit(${Number(target.exitCode)})`], {})
    }
  } finally {
    target.exit(code)
  }
}

function isPoolBusy(target: ProcessLike): boolean {
  return target.getActiveResourcesInfo?.().some((name) => pooled.has(name)) === true
}

/** Where it failed, the process would be aborted with pages of text. */
function mayBecomeAnother(target: ProcessLike): boolean {
  if (!('execve' in target) || target.permission?.has('child') === false) return false
  try {
    accessSync(process.execPath, constants.X_OK)
    return true
  } catch {
    return false
  }
}
