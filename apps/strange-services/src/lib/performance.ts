import type { Report } from '@lameduck/core'

/** A ledger whose ids are counted: what was told to whom, and what became of it. */
export interface Accounts {
  readonly accepted: readonly string[]
  readonly done: readonly string[]
  readonly kept: readonly string[]
  /** Accepted, and neither done nor kept. */
  readonly lost: readonly string[]
  /** Done twice, or done and kept. */
  readonly again: readonly string[]
}

/** Everything that is known of one stop of one service. */
export interface Performance {
  readonly accounts: Accounts
  readonly report: Report | undefined
  readonly ending: { readonly code: number | null; readonly signal: NodeJS.Signals | null }
  /** From the signal to the end of the process, in ms. */
  readonly tookMs: number
  readonly graceMs: number
  readonly stdout: readonly string[]
  readonly stderr: readonly string[]
  /** What was broken, and when; empty where nothing was. */
  readonly mishap: string
}

/** @param gaveUp what the service had said before its stop that it could not do: somebody knows, and it is not lost in the stop */
export function accountsOf({ accepted, done, kept = [] }: { accepted: Iterable<string>; done: Iterable<string>; kept?: Iterable<string> }, gaveUp: ReadonlySet<string>): Accounts {
  const promised = [...new Set(accepted)].filter((id) => !gaveUp.has(id))
  const [doneIds, keptIds] = [[...done], [...new Set(kept)]]
  const [isDone, isKept] = [new Set(doneIds), new Set(keptIds)]
  const twice = doneIds.filter((id, index) => doneIds.indexOf(id) !== index)
  return {
    accepted: promised,
    done: doneIds,
    kept: keptIds,
    lost: promised.filter((id) => !isDone.has(id) && !isKept.has(id)),
    again: [...new Set([...twice, ...keptIds.filter((id) => isDone.has(id))])],
  }
}
