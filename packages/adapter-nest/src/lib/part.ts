import type { Resource } from '@lameduck/core'

/** One way in beside the application's own HTTP server, drained together with it and before `app.close()`. */
export type Part = Omit<Resource, 'name' | 'phase' | 'start' | 'check' | 'drainFrom'>

/** What several parts say of themselves, as one. */
export function sumOf(parts: () => readonly Part[]): Required<Pick<Resource, 'inFlight' | 'lastArrival' | 'waitingFor' | 'tally' | 'warnings'>> {
  const all = <T>(ask: (part: Part) => readonly T[] | undefined): T[] => parts().flatMap((part) => ask(part) ?? [])
  return {
    inFlight: () => parts().reduce((sum, part) => sum + (part.inFlight?.() ?? 0), 0),
    lastArrival: () => all((part) => [part.lastArrival?.()]).reduce((latest, at) => (at === undefined || (latest ?? 0) > at ? latest : at), undefined),
    waitingFor: () => all((part) => part.waitingFor?.()),
    tally() {
      const tallies = all((part) => (part.tally ? [part.tally()] : []))
      const sum = (count: 'done' | 'failed' | 'cut' | 'refused' | 'unknown'): number => tallies.reduce((total, tally) => total + tally[count], 0)
      return {
        done: sum('done'),
        failed: sum('failed'),
        cut: sum('cut'),
        refused: sum('refused'),
        unknown: sum('unknown'),
        reasons: tallies.flatMap(({ reasons }) => reasons),
      }
    },
    get warnings() {
      return all((part) => part.warnings)
    },
  }
}
