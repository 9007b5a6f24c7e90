import { describeRequest, nameOf } from './describe-request.ts'
import type { Exchange, Stream } from './connection.ts'

/** A handler whose client has gone before anything was sent: until it ends its answer, nobody can tell what has become of its work. */
export interface Abandoned {
  readonly why: () => string
  readonly hasEnded: () => boolean
}

/** Those of before a stop, which begins in the middle of their work. */
export interface RecentlyAbandoned {
  readonly addRequest: (exchange: Exchange) => void
  readonly addStream: (stream: Stream) => void
  /** Those that came in the last 30 s and have not ended. */
  readonly take: () => Abandoned[]
}

/** As long as core doubts what has begun before the stop, in ms: what ends its work without ending its answer would be doubted for ever. */
const recentMs = 30_000

/** Of clients that cancel as fast as they can, the newest: each holds its request. */
const mostKept = 1_000

/** They ask for no work (RFC 9110 §9.2.1), and browsers give them up all the time. */
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

export function abandonedRequest(exchange: Exchange): Abandoned | undefined {
  const { response } = exchange
  if (!response.req.complete || response.headersSent || response.writableEnded) return undefined
  return { why: () => `${nameOf(exchange)}: its client hung up, and its handler had not ended`, hasEnded: () => response.writableEnded }
}

export function abandonedStream(stream: Stream): Abandoned | undefined {
  const { hasHandlerEnded: hasEnded } = stream
  return hasEnded && { why: () => `${describeRequest(stream)}: its stream was closed before anything was sent, and its handler had not ended`, hasEnded }
}

/** Whether an exchange whose socket has closed may still be worth a doubt when a stop begins. */
export function mayBeAbandoned(exchange: Exchange): boolean {
  return isRecent(exchange) && !safeMethods.has(exchange.response.req.method ?? '') && abandonedRequest(exchange) !== undefined
}

export function recentlyAbandoned(): RecentlyAbandoned {
  let kept: { readonly startedAt: number; readonly abandoned: Abandoned }[] = []

  function add(startedAt: number, abandoned: Abandoned | undefined): void {
    if (!abandoned) return
    kept.push({ startedAt, abandoned })
    if (kept.length > mostKept || !isRecent(kept[0] ?? { startedAt })) kept = kept.filter((each) => isRecent(each) && !each.abandoned.hasEnded()).slice(-mostKept / 2)
  }

  return {
    addRequest(exchange) {
      if (mayBeAbandoned(exchange)) add(exchange.startedAt, abandonedRequest(exchange))
    },
    addStream(stream) {
      if (!safeMethods.has(stream.method)) add(stream.startedAt, abandonedStream(stream))
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
