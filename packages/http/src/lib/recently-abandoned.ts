import type { Socket } from 'node:net'
import { abandonedRequest, abandonedStream, type Abandoned } from './abandoned.ts'
import type { Exchange } from './connection.ts'
import { hungUp, hungUpOn } from './hung-up.ts'
import type { Outcomes } from './outcomes.ts'
import { isSafe } from './safe-methods.ts'

/** Handlers without a client of before a stop, which begins in the middle of their work. */
export interface RecentlyAbandoned extends Pick<Outcomes, 'lost' | 'streamOver'> {
  /** Those that came in the last 30 s and have not ended. */
  readonly take: () => Abandoned[]
}

/** As long as core doubts what has begun before the stop, in ms: what ends its work without ending its answer would be doubted for ever. */
const recentMs = 30_000

/** Of clients that cancel as fast as they can, the newest: each holds its request. */
const mostKept = 1_000

/** Whether an exchange whose socket has closed may still be worth a doubt when a stop begins. */
export function mayBeAbandoned(socket: Socket, exchange: Exchange): boolean {
  const { response } = exchange
  if (!isRecent(exchange) || isSafe(response.req.method)) return false
  // Who breaks an answer off in its middle has ended it.
  return abandonedRequest(exchange) !== undefined && (!response.headersSent || hungUp(socket, response))
}

export function recentlyAbandoned(): RecentlyAbandoned {
  let kept: { readonly startedAt: number; readonly abandoned: Abandoned }[] = []

  function add(startedAt: number, abandoned: Abandoned | undefined): void {
    if (!abandoned) return
    kept.push({ startedAt, abandoned })
    if (kept.length > mostKept || !isRecent(kept[0] ?? { startedAt })) kept = kept.filter((each) => isRecent(each) && !each.abandoned.hasEnded()).slice(-mostKept / 2)
  }

  return {
    lost(socket, exchange) {
      if (mayBeAbandoned(socket, exchange)) add(exchange.startedAt, abandonedRequest(exchange))
    },
    streamOver(stream, about, on) {
      if (!isSafe(about.method) && (!stream.headersSent || hungUpOn(stream, about, on))) add(about.startedAt, abandonedStream(about))
    },
    take() {
      const taken = kept.filter((each) => isRecent(each) && !each.abandoned.hasEnded()).map(({ abandoned }) => abandoned)
      kept = []
      return taken
    },
  }
}

function isRecent({ startedAt }: { readonly startedAt: number }): boolean {
  return performance.now() - startedAt < recentMs
}
