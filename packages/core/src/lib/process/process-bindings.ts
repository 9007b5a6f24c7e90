import { LifecycleError } from '../errors.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { ProcessLike } from './process-like.ts'

/** The lifecycles that are bound to one process: it ends with the last of them, with the worst exit code. */
export interface Bindings {
  readonly alive: Set<Lifecycle>
  /** Every listener that bindings have put on the process. */
  readonly listeners: Set<unknown>
  exitCode: number
}

const bindingsOf = new WeakMap<ProcessLike, Bindings>()

/** @throws LifecycleError `wrong-state` when the lifecycle is bound already, or has stopped. */
export function joinProcess(target: ProcessLike, lifecycle: Lifecycle): Bindings {
  const bindings = bindingsOf.get(target) ?? { alive: new Set<Lifecycle>(), listeners: new Set(), exitCode: 0 }
  if (bindings.alive.has(lifecycle)) throw new LifecycleError('wrong-state', 'bindProcess() was called twice with the same lifecycle')
  if (lifecycle.state.name === 'stopped') throw new LifecycleError('wrong-state', 'bindProcess() was called with a lifecycle that has stopped')
  bindings.alive.add(lifecycle)
  bindingsOf.set(target, bindings)
  return bindings
}
