import type { Server } from 'node:net'

/** What is to be called on each long answer of a server when the lame duck is over. */
export interface LastWords {
  /** Returns the function that takes it back. */
  add(say: () => unknown): () => void
  /** Takes them all; what is added from now on is given to `onLate`. Returns the function that ends that. */
  take(onLate: (say: () => unknown) => void): { readonly all: readonly (() => unknown)[]; readonly end: () => void }
}

/** By a global name, since another copy of this package may have been attached to the server. */
const lastWordsKey: unique symbol = Symbol.for('lameduck.lastWords')
type Keeping = Server & { [lastWordsKey]?: LastWords }

/** The server keeps them itself, so that whoever has an answer of it finds them. */
export function keepLastWords(server: Keeping): LastWords {
  return (server[lastWordsKey] ??= createLastWords())
}

/** Nothing for a server that nobody drains. */
export function lastWordsOf(server: unknown): LastWords | undefined {
  return (server as Keeping | undefined)?.[lastWordsKey]
}

function createLastWords(): LastWords {
  const waiting = new Set<() => unknown>()
  let late: ((say: () => unknown) => void) | undefined
  return {
    add(say) {
      if (late) late(say)
      else waiting.add(say)
      return () => void waiting.delete(say)
    },
    take(onLate) {
      late = onLate
      const all = [...waiting]
      waiting.clear()
      return {
        all,
        end() {
          if (late === onLate) late = undefined
        },
      }
    },
  }
}
