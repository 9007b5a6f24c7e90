import type { Server } from 'node:net'

/** What is to be called on each long answer of a server when the lame duck is over. */
export interface LongAnswers {
  /** Returns the function that takes it back. */
  add(say: () => unknown): () => void
  /** Takes them all; what is added from now on is given to `onLate`. Returns the function that ends that. */
  take(onLate: (say: () => unknown) => void): { readonly all: readonly (() => unknown)[]; readonly end: () => void }
}

/** By a global name, since another copy of this package may have been attached to the server. */
const longAnswersKey: unique symbol = Symbol.for('lameduck.longAnswers')
type Keeping = Server & { [longAnswersKey]?: LongAnswers }

/** The server keeps them itself, so that whoever has an answer of it finds them. */
export function keepLongAnswers(server: Keeping): LongAnswers {
  return (server[longAnswersKey] ??= createLongAnswers())
}

/** Nothing for a server that nobody drains. */
export function longAnswersOf(server: unknown): LongAnswers | undefined {
  return (server as Keeping | undefined)?.[longAnswersKey]
}

function createLongAnswers(): LongAnswers {
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
