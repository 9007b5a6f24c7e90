import type { ServerHttp2Stream } from 'node:http2'
import type { Connection, Exchange, Stream, Upgrade } from './connection.ts'
import { fromOldest } from './exchanges.ts'
import type { WorkFilter } from './not-work.ts'

/** When work came last. What is still in flight is looked at when somebody asks; only what is over is remembered. */
export interface Arrivals {
  /** From now on they count; or no longer. */
  count(on: boolean): void
  exchangeOver(exchange: Exchange): void
  streamOver(stream: ServerHttp2Stream, about: Stream): void
  upgradeOver(upgrade: Upgrade): void
  /**
   * Monotonic ms of the newest request that is work. A connection is none before something is asked on it: balancers and platforms open
   * some to see whether that works.
   *
   * @throws what the application's `notWork` has thrown.
   */
  newest(open: Iterable<Connection | undefined>): number | undefined
}

export function trackArrivals(work: WorkFilter): Arrivals {
  let since = Infinity
  let newestOver = 0

  function isExchangeWork({ response: { req }, url, startedAt }: Exchange): boolean {
    return startedAt >= since && work.isWork({ method: req.method ?? '', url, headers: req.headers }, req)
  }

  function isStreamWork(stream: ServerHttp2Stream, about: Stream): boolean {
    return about.startedAt >= since && work.isWork(about, stream)
  }

  function remember({ startedAt }: { readonly startedAt: number }): void {
    newestOver = Math.max(newestOver, startedAt)
  }

  function newestOn(connection: Connection | undefined): number {
    let newest = 0
    if (connection?.kind === 'upgraded') newest = connection.startedAt
    if (connection?.kind === 'active') {
      for (const exchange of fromOldest(connection)) if (isExchangeWork(exchange)) newest = exchange.startedAt
    }
    if (connection?.kind === 'http2') {
      for (const [stream, about] of connection.streams) if (isStreamWork(stream, about)) newest = about.startedAt
    }
    return newest
  }

  return {
    count(on) {
      if (!on) since = Infinity
      else if (since === Infinity) since = performance.now()
    },
    exchangeOver(exchange) {
      if (isExchangeWork(exchange)) remember(exchange)
    },
    streamOver(stream, about) {
      if (isStreamWork(stream, about)) remember(about)
    },
    upgradeOver: remember,
    newest(open) {
      let newest = newestOver
      for (const connection of open) newest = Math.max(newest, newestOn(connection))
      if (work.failure) throw work.failure.error
      return newest >= since ? newest : undefined
    },
  }
}
