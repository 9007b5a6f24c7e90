import type { ProcessLike } from './process-like.ts'

/**
 * Listeners for our signals that are not ours, as texts that a reader can search the code for: their name, else how they begin.
 * Any of them may end the process in the middle of the drain.
 */
export function foreignListeners(target: ProcessLike, signals: readonly string[], ours: ReadonlySet<unknown>): string[] {
  const found = signals.flatMap((signal) =>
    target
      .listeners(signal)
      .filter((listener): listener is () => void => typeof listener === 'function' && !ours.has(listener))
      .map((listener) => `${signal}: ${describeListener(listener)}`),
  )
  return [...new Set(found)]
}

/** `once` wraps the listener that was given, and keeps it under this name. */
function describeListener(listener: (() => void) & { listener?: unknown }): string {
  const own = typeof listener.listener === 'function' ? (listener.listener as () => void) : listener
  const source = String(own).replaceAll(/\s+/g, ' ')
  return own.name === '' ? (source.length > 80 ? `${source.slice(0, 80)}…` : source) : `function ${own.name}`
}
