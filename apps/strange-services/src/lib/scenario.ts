import type { Report } from '@lameduck/core'
import type { ServerName } from '@lameduck/servers'
import type { Kind } from './kinds.ts'
import type { Stage } from './stage.ts'

/** One service, what it is given to do, and what became of that. */
export interface Scenario {
  readonly kind: Kind
  /** One line on what the service is, for the table. */
  readonly story: string
  /** The servers that it uses, and that may be broken under it. */
  readonly uses: readonly ServerName[]
  /** What must come out where nothing breaks. @default clean, nothing lost, nothing done twice */
  readonly expect?: Expectation
  /** How many ids one unit of a resource's work may carry: an insert of 10 rows that fails is one query. @default 1 */
  readonly idsPerUnit?: number
  /** A service that leaves at once loses nothing either, or not every time: this one is about time, words or chance. @default false */
  readonly losesNothing?: boolean
  /** The grace period, after which the process is killed; the service is told it as GRACE_MS. @default 15000, or 6000 where a mishap is added */
  readonly graceMs?: number
  /** It breaks its servers itself, as a part of the story: no mishap is added. @default false */
  readonly breaks?: boolean
  /** Why no mishap may be added: what would be lost then can be known by nobody. @default one may */
  readonly unknowable?: string
  /** Sets the scene, starts the service, gives it work, stops it in the middle, and reads back what became of the work. */
  readonly play: (stage: Stage) => Promise<Ledger>
}

/** What somebody outside knows of the service's work, by ids of the scenario's own. */
export interface Ledger {
  /** Everything that somebody may rely on: a client got a 2xx for it, its message was there to be consumed, its row to be sent. */
  readonly accepted: Iterable<string>
  /** What was found where it belongs, once for each time that it was done. */
  readonly done: Iterable<string>
  /** What still lies where another replica will take it up: a message that is not committed, an element of the list. @default nothing */
  readonly kept?: Iterable<string>
}

export interface Expectation {
  /** @default clean */
  readonly result?: Report['result'] | readonly Report['result'][]
  /** @default that of the report */
  readonly exitCode?: number
  /** How many are lost. @default 0 of a clean stop, else whatever the report counts */
  readonly lost?: number
  /** How many were done and will be done again, or were done twice. `any` where the service promises no more. @default 0 */
  readonly again?: number | 'any'
  /** Longest time from the signal to the end. @default the grace period */
  readonly withinMs?: number
  /** Each must be found in what the process wrote. */
  readonly says?: readonly RegExp[]
  /** None may be found in what the process wrote. */
  readonly neverSays?: readonly RegExp[]
  /** Lines on stderr, at most. @default any number */
  readonly mostStderrLines?: number
}
