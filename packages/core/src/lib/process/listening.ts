import type { Bindings } from './process-bindings.ts'
import type { ProcessLike } from './process-like.ts'

/** The listeners that one binding has put on the process. */
export interface Listening {
  on(event: string, listener: (...parameters: unknown[]) => void): void
  /** The same, before the listeners that are there. */
  first(event: string, listener: (...parameters: unknown[]) => void): void
  /** Takes all of them away, and puts no more on. */
  close(): void
}

/** Notes each as ours, so that no binding takes it for somebody else's. */
export function createListening(target: ProcessLike, { listeners }: Bindings): Listening {
  const own: [string, (...parameters: unknown[]) => void][] = []
  let isClosed = false
  const add = (how: 'on' | 'prependListener', event: string, listener: (...parameters: unknown[]) => void): void => {
    if (isClosed) return
    listeners.add(listener)
    own.push([event, listener])
    target[how](event, listener)
  }
  return {
    on: (event, listener) => add('on', event, listener),
    first: (event, listener) => add('prependListener', event, listener),
    close() {
      isClosed = true
      for (const [event, listener] of own) {
        target.off(event, listener)
        listeners.delete(listener)
      }
    },
  }
}
