import { watchOtherListeners, type OtherListener } from './other-listeners.ts'
import type { Bindings } from './process-bindings.ts'
import type { ProcessLike } from './process-like.ts'
import { standIn, type StandIn } from './stand-ins.ts'
import { isExitTaken } from './taken-exits.ts'

const events = ['uncaughtException', 'unhandledRejection', 'uncaughtExceptionMonitor']

/**
 * Keeps what is thrown in place of an exit from the service's own listeners for uncaught errors: a crash reporter would report it. A listener that
 * itself calls `process.exit` would end the process by what that throws.
 *
 * @returns the function that undoes it
 */
export function hideTakenExits(target: ProcessLike, bindings: Bindings): () => void {
  const hidden: StandIn[] = []
  const watch = watchOtherListeners(target, events, bindings, hide)
  for (const other of watch.found()) hide(other)
  return () => {
    watch.close()
    for (const each of hidden) each.putBack()
  }

  function hide(other: OtherListener): void {
    const stand = standIn(target, other, bindings, (...parameters) => {
      if (isExitTaken(parameters[0])) return
      if (other.once) stand.remove()
      try {
        Reflect.apply(other.listener, target, parameters)
      } catch (error) {
        if (!isExitTaken(error)) throw error
      }
    })
    hidden.push(stand)
  }
}
