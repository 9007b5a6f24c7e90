import { constants } from 'node:os'
import { callerOfCall } from './call-site.ts'
import type { ProcessLike } from './process-like.ts'

/** On what is thrown in place of an exit; by a global name, since another copy of core may see it. */
const key = Symbol.for('lameduck.exit-taken')

/** What is thrown where an exit is taken: the code behind `process.exit` must not run on. A library that catches and logs it says in one line what it is. */
class ExitTaken extends Error {
  override readonly name = 'ExitTaken'

  constructor(call: string) {
    super(`${call} ended this listener and not the process: lameduck ends the process when everything has drained`)
    this.stack = `${this.name}: ${this.message}`
    // Hidden, so that whoever prints it prints one line.
    Object.defineProperty(this, key, { value: true })
    Object.defineProperty(this, 'name', { enumerable: false })
  }
}

export function isExitTaken(error: unknown): boolean {
  return typeof error === 'object' && error !== null && key in error
}

/** How somebody wanted to end the process. */
export interface TakenExit {
  /** `process.exit(1)`, or `process.kill(process.pid, "SIGTERM")`. */
  readonly call: string
  /** Whether it was meant as a failure. */
  readonly failed: boolean
  /** The function and its file, where it can be told. */
  readonly caller: string | undefined
}

/**
 * From now on nobody ends the process: `process.exit` throws instead, and a signal to itself that would end it is not sent. `onTaken` is told.
 *
 * @returns the function that undoes it
 */
export function takeExits(target: ProcessLike, signals: readonly NodeJS.Signals[], onTaken: (taken: TakenExit) => void): () => void {
  const exit = Reflect.get(target, 'exit') as (code: number) => void
  const kill = Reflect.get(target, 'kill') as ProcessLike['kill'] | undefined
  let isOver = false
  const ending: readonly unknown[] = [...signals, 'SIGKILL'].flatMap((signal) => [signal, constants.signals[signal as NodeJS.Signals]])

  function exitTaken(code: number | string | null | undefined = target.exitCode): never {
    if (isOver) return exit.call(target, Number(code ?? 0)) as never
    const call = `process.exit(${String(code ?? '')})`
    onTaken({ call, failed: isFailure(Number(code ?? 0), signals), caller: callerOfCall(exitTaken) })
    throw new ExitTaken(call)
  }

  function killTaken(pid: number, signal: string | number = 'SIGTERM'): unknown {
    if (isOver || pid !== target.pid || !ending.includes(signal)) return kill?.call(target, pid, signal)
    onTaken({ call: `process.kill(process.pid, ${JSON.stringify(signal)})`, failed: false, caller: callerOfCall(killTaken) })
    return true
  }

  target.exit = exitTaken
  if (kill) target.kill = killTaken
  syncImports(target)
  return () => {
    // Whoever has put something over it meanwhile still calls ours.
    isOver = true
    if (target.exit === exitTaken) target.exit = exit
    if (kill && target.kill === killTaken) target.kill = kill
    syncImports(target)
  }
}

/** The usual codes of a process that a signal ended are no failure. */
function isFailure(code: number, signals: readonly NodeJS.Signals[]): boolean {
  return code !== 0 && !signals.some((signal) => code === 128 + constants.signals[signal])
}

/** `import { exit } from 'node:process'` sees it as well. */
function syncImports(target: ProcessLike): void {
  if (target === process) process.getBuiltinModule('node:module').syncBuiltinESMExports()
}
