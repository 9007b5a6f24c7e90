import type { Socket } from 'node:net'
import { recentMs } from '@lameduck/core'
import { abandonedRequest, abandonedStream, type Abandoned } from './abandoned.ts'
import type { Connection, Exchange } from './connection.ts'
import { describeUnanswered } from './describe-request.ts'
import { fromOldest } from './exchanges.ts'
import { hungUp, hungUpOn } from './hung-up.ts'
import { isUnanswered } from './unanswered-message.ts'
import type { Outcomes } from './outcomes.ts'
import { isSafe } from './safe-methods.ts'

/** Handlers without a client of before a stop, which begins in the middle of their work. */
export interface RecentlyAbandoned extends Pick<Outcomes, 'lost' | 'streamOver' | 'upgradeOver'> {
  /** Those that came in the last 30 s and have not ended. */
  readonly take: () => Abandoned[]
}

/** Of clients that cancel as fast as they can, the newest: each holds its request. */
const mostKept = 1_000

/** Whether a connection whose socket has closed may still be worth a doubt when a stop begins. */
export function isWorthADoubt(socket: Socket, connection: Connection | undefined): boolean {
  if (connection?.kind === 'upgraded') return isUnanswered(connection)
  return connection?.kind === 'active' && [...fromOldest(connection)].some((exchange) => mayBeAbandoned(socket, exchange))
}

function mayBeAbandoned(socket: Socket, exchange: Exchange): boolean {
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
    upgradeOver(_socket, upgrade) {
      // Nothing tells when its handler ends.
      if (isUnanswered(upgrade)) add(upgrade.lastMessage?.at ?? upgrade.startedAt, { why: () => describeUnanswered(upgrade), hasEnded: () => false })
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
