import { adoptListeners } from './adopted-listeners.ts'
import type { Binding } from './bind-options.ts'
import { sourceOf } from './describe-listener.ts'
import { yieldsToOthers } from './known-listeners.ts'
import type { Lifecycle } from '../lifecycle.ts'
import { warningsAbout } from './other-listener-warnings.ts'
import { watchOtherListeners, type AnyListener, type OtherListener } from './other-listeners.ts'
import type { Bindings } from './process-bindings.ts'

export interface OthersInput {
  readonly lifecycle: Lifecycle
  readonly binding: Binding
  readonly bindings: Bindings
  readonly onUncaught: 'stop' | 'leave'
  /** The test runner whose process this is: its listeners are meant to be there. */
  readonly runner: string | undefined
}

export interface Others {
  /** From now on each is told of as soon as it comes: until then it may be gone again. */
  onReady(): void
  /** Tells of those that have not been told of. */
  look(): void
  /** Who is known among the adopted ones, by name. */
  adopted(): readonly string[]
  /** Puts adopted ones back. */
  close(): void
}

/** Tells of the listeners that others have for the same signals, and for uncaught errors, or adopts those of the signals. */
export function handleOtherListeners({ lifecycle, binding, bindings, onUncaught, runner }: OthersInput): Others {
  const { target, clock, signals, otherListeners } = binding
  const told = new WeakMap<AnyListener, Set<string>>()
  let isReady = false
  // In a stop that has begun there is no place for them.
  const isAdopting = otherListeners === 'adopt' && !lifecycle.stopping.aborted
  const adopted = isAdopting ? adoptListeners({ target, bindings, signals, clock, reserveMs: lifecycle.policy.phases.work.reserveMs }) : undefined
  if (adopted) lifecycle.add(adopted.resource)
  const watch = watchOtherListeners(target, [...(otherListeners === 'ignore' ? [] : signals), ...(onUncaught === 'stop' ? ['uncaughtException'] : [])], bindings, onOther)
  if (adopted) for (const other of watch.found()) onOther(other)

  return {
    onReady() {
      isReady = true
      look()
    },
    look,
    adopted: () => adopted?.owners() ?? [],
    close() {
      watch.close()
      adopted?.release()
    },
  }

  function onOther(other: OtherListener): void {
    if (adopted && other.event !== 'uncaughtException' && !yieldsToOthers(sourceOf(other.listener))) adopted.adopt(other)
    else if (isReady) look()
  }

  function look(): void {
    // What comes now is for a second signal, and whoever ends the process is told of then.
    if (runner !== undefined || lifecycle.stopping.aborted) return
    for (const warning of warningsAbout(watch.found().filter(isNew))) lifecycle.warn(warning)
  }

  function isNew({ event, listener }: OtherListener): boolean {
    const events = told.get(listener) ?? new Set()
    if (events.has(event)) return false
    told.set(listener, events.add(event))
    return true
  }
}
