import type { Mutant } from './mutant.ts'

/** Harnesses with which a check could not fail. */
export const harnessMutants: readonly Mutant[] = [
  {
    bug: 'freeze that freezes nothing',
    caughtBy: 'the harness: nothing is served by a frozen peer',
    alsoBy: 'any',
    harness: { freeze: () => {} },
  },
  {
    bug: 'kill that kills nothing',
    caughtBy: 'the harness: nothing is served by a dead peer',
    alsoBy: 'any',
    harness: { kill: () => {} },
  },
  {
    bug: 'connections that are never counted',
    caughtBy: 'no connection is left at the peer after drain',
    alsoBy: ['no connection is left at the peer after force'],
    harness: { connections: () => 0 },
  },
  {
    bug: 'a member that is not declared',
    caughtBy: 'has a name, a phase, sensible times and the declared members',
    harness: { members: ['start', 'check', 'preStop', 'watch', 'quiesce', 'inFlight', 'lastArrival', 'tally', 'unfinished', 'force'] },
  },
]
