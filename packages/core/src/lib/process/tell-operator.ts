import type { ProcessLike } from './process-like.ts'

/** A line on stderr. Never throws: it is what is called when something else has failed. */
export function tellOperator(target: Pick<ProcessLike, 'stderr'>, text: string): void {
  try {
    target.stderr.write(`lameduck: ${text}\n`)
  } catch {
    // Nobody is left to be told.
  }
}
