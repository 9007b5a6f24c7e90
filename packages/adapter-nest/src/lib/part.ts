import { sumTallies, type Resource } from '@lameduck/core'
import type { HttpServerOptions } from '@lameduck/http'

/** One way in beside the application's own HTTP server, drained together with it and before `app.close()`. */
export type Part = Omit<Resource, 'name' | 'phase' | 'start' | 'check' | 'drainFrom'>

/** What other servers of the application are told, as its own is. */
export type ServerOptions = Pick<HttpServerOptions, 'notWork' | 'unusedGraceMs' | 'unbegunGraceMs' | 'upgradedSpreadMs' | 'upgradedWork'>

/** What a part says of itself. */
export type Told = Pick<Resource, 'inFlight' | 'lastArrival' | 'waitingFor' | 'tally' | 'warnings'>

/** What several parts say of themselves, as one. */
export function sumOf(parts: () => readonly Told[]): Required<Told> {
  const all = <T>(ask: (part: Told) => readonly T[] | undefined): T[] => parts().flatMap((part) => ask(part) ?? [])
  return {
    inFlight: () => parts().reduce((sum, part) => sum + (part.inFlight?.() ?? 0), 0),
    lastArrival: () => all((part) => [part.lastArrival?.()]).reduce((latest, at) => (at === undefined || (latest ?? 0) > at ? latest : at), undefined),
    waitingFor: () => all((part) => part.waitingFor?.()),
    tally: () => sumTallies(all((part) => (part.tally ? [part.tally()] : []))),
    get warnings() {
      return all((part) => part.warnings)
    },
  }
}
