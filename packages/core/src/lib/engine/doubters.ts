import { describeError } from '../describe-value.ts'

/** Asked when a stop is over for work of which no resource knows: one sentence each. Where there is one, the result is no longer clean. */
export type Doubter = () => readonly string[]

/** Where a lifecycle keeps them, for whoever binds it to a process. By a global name, since another copy of core may have made it. */
export const doubtersKey: unique symbol = Symbol.for('lameduck.doubters') as typeof doubtersKey

export function doubtersOf(lifecycle: object): Set<Doubter> | undefined {
  return (lifecycle as { readonly [doubtersKey]?: Set<Doubter> })[doubtersKey]
}

/** What all of them say. One that fails cannot tell, which is a doubt as well. */
export function askDoubters(doubters: Iterable<Doubter>): string[] {
  return [...doubters].flatMap((doubter) => {
    try {
      return doubter()
    } catch (error) {
      return [`Nobody can tell what is still under way in the process: ${describeError(error)}`]
    }
  })
}
