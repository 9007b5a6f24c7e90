import type { Clock } from '../clock.ts'
import { describeStack } from '../describe-value.ts'
import { anotherNode } from './another-node.ts'
import { flush } from './flush.ts'
import { isPoolHeld } from './held-pool.ts'
import { tellOperator } from './tell-operator.ts'
import type { ProcessLike } from './process-like.ts'

/** How `process.getActiveResourcesInfo()` names files that a thread of libuv's pool may be at, and look-ups of names. */
const files: ReadonlySet<string> = new Set(['FSReqCallback', 'FSReqPromise'])
const names: ReadonlySet<string> = new Set(['GetAddrInfoReqWrap', 'GetNameInfoReqWrap'])

/** How often it is looked whether they are done, and how long a look-up may take that nobody will use, in ms. */
const lookMs = 10
const namesMs = 50

export interface ExitOptions {
  /** Longest wait for stdout and stderr. */
  readonly flushMs: number
  /** When the process must have left at the latest, in ms from now. */
  readonly withinMs: number
  readonly clock: Clock
  /** Called when there is nothing left to wait for. */
  readonly beforeExit?: () => void
}

/**
 * Ends the process: the only place in lameduck that does, where JavaScript runs. Never by re-raising the signal, which does
 * nothing in a container where the service is PID 1.
 *
 * `process.exit` joins the threads of libuv's pool: an unanswered name look-up held it up for 5 to 10 s in measurements, the
 * open of a FIFO for ever. So work on files is waited for as long as there is time, look-ups 50 ms, and where such work is still
 * pending then and the platform can do it (Node 22.15 and later, not Windows), the process becomes another Node that exits with the same code,
 * which waits for no thread; its `exit` listeners are called before. An older one ends by SIGKILL where a file would hold it up.
 */
export async function exit(target: ProcessLike, code: number, { flushMs, withinMs, clock, beforeExit }: ExitOptions): Promise<void> {
  const latest = clock.now() + withinMs
  target.exitCode = code
  try {
    await flush([target.stdout, target.stderr], flushMs, clock)
    await waitWhile(() => isBusy(target, files), latest - clock.now(), clock)
    await waitWhile(() => isBusy(target, names) || isHeld(target), Math.min(namesMs, latest - clock.now()), clock)
    beforeExit?.()
    if (isBusy(target, files) || isBusy(target, names) || isHeld(target)) becomeAnother(target, code)
  } finally {
    leave(target, code)
  }
}

async function waitWhile(isWaiting: () => boolean, forMs: number, clock: Clock): Promise<void> {
  const until = clock.now() + forMs
  while (isWaiting() && clock.now() < until) await new Promise<void>((resolve) => void clock.setTimer(resolve, lookMs))
}

function isBusy(target: ProcessLike, wanted: ReadonlySet<string>): boolean {
  return target.getActiveResourcesInfo?.().some((name) => wanted.has(name)) === true
}

function isHeld(target: ProcessLike): boolean {
  return target === process && isPoolHeld()
}

function becomeAnother(target: ProcessLike, code: number): void {
  const node = 'execve' in target ? anotherNode() : undefined
  const isHeldForGood = node === undefined && isBusy(target, files)
  if (node === undefined && !isHeldForGood) return
  try {
    target.emit?.('exit', code)
  } catch (error) {
    complain(target, error)
  }
  if (isHeldForGood) return endByForce(target, code)
  if (node !== undefined) target.execve?.(node, [node, '-e', `process.exit(${Number(target.exitCode)})`], {})
}

function endByForce(target: ProcessLike, code: number): void {
  tellOperator(target, `a file that was opened or read never answered, and holds up process.exit(${code}): the process ends itself by SIGKILL. Node 22.15 and later keep the exit code.`)
  target.kill?.(target.pid, 'SIGKILL')
}

/** A listener of `exit` that throws ends `process.exit` before the process; the second call tells nobody and ends it. */
function leave(target: ProcessLike, code: number): void {
  try {
    target.exit(code)
  } catch (error) {
    complain(target, error)
    target.exit(code)
  }
}

function complain(target: ProcessLike, error: unknown): void {
  tellOperator(target, `a listener of "exit" threw: ${describeStack(error)}`)
}
