import { createTally, type Tally } from '@lameduck/core'
import type { Connections } from './connections.ts'
import { followLastWord } from './destroy-when-still.ts'
import { createOutcomes, type Outcomes } from './outcomes.ts'

/** The counts of one stop at a time. */
export interface StopCounts {
  /** A stop has begun; later calls in the same stop change nothing. */
  begin(): void
  /** So many units of `upgradedWork` were in hand when the clients were told to go. */
  readonly unanswered: (units: number) => void
  /** The drain has ended, or was cut. What the last connections tell later still counts. */
  over(): void
  /** The server has begun a new life. In the middle of a stop it changes nothing: the counts are those of the stop. */
  leave(): void
  /** How many handlers are at work whose answers have been sent. */
  readonly behindAnswers: () => number
  /** Of the newest stop, whose report is read later still. */
  read(): Tally
}

export function createStopCounts(connections: Connections): StopCounts {
  let outcomes: Outcomes | undefined
  let stop: 'none' | 'running' | 'over' = 'none'

  return {
    begin() {
      if (stop !== 'none') return
      stop = 'running'
      outcomes = createOutcomes(connections.abandonedBefore(), connections.behindAnswers())
      connections.countIn(outcomes)
      for (const socket of connections.all()) {
        const connection = connections.of(socket)
        if (connection?.kind === 'upgraded') followLastWord(socket, connection)
      }
    },
    unanswered: (units) => outcomes?.unanswered(units),
    over() {
      if (stop === 'running') stop = 'over'
    },
    leave() {
      if (stop !== 'over') return
      stop = 'none'
      connections.countIn(undefined)
    },
    behindAnswers: () => outcomes?.behindAnswers() ?? 0,
    read: () => (outcomes ?? createTally()).read(),
  }
}
