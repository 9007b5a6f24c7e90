import type { Arrivals } from './arrivals.ts'
import type { BehindAnswers } from './behind-answers.ts'
import type { forwardedBy } from './forwarded-by.ts'
import type { Outcomes } from './outcomes.ts'
import type { RecentlyAbandoned } from './recently-abandoned.ts'

/** What those who follow requests, streams and upgraded sockets of one server tell, and what they are told. */
export interface Followed {
  /** Clients are told to go. */
  announced: boolean
  /** In a stop: what becomes of requests. */
  outcomes: Outcomes | undefined
  /** Before it: handlers whose clients have gone. */
  readonly leavers: RecentlyAbandoned
  /** Before it: handlers that have answered. */
  readonly behind: BehindAnswers
  readonly arrivals: Arrivals
  readonly forwarded: ReturnType<typeof forwardedBy>
}
