import { closedError, createTracker, followListeners, type EmitterLike, type InHand, type Tally, type Tracker } from '@lameduck/core'
import { isAnswer, messageOf } from './is-answer.ts'
import { isConnecting, isInTransaction, isQuerying } from './pg-internals.ts'
import type { PgClientLike } from './pg-types.ts'
import { askAside, watchQueries } from './watch-queries.ts'

/** What becomes of the queries of a single client, and of what its listeners have begun. */
export interface Session {
  readonly handlers: Pick<Tracker, 'count' | 'begunBefore' | 'waitingFor'>
  /** In a connect, a query or a transaction. */
  isBusy(): boolean
  isWorking(): boolean
  /** Connects, queries and transactions; not what this package itself asks. */
  readonly queries: InHand
  /** Asks the server what no report is to tell. */
  ask(text: string): Promise<unknown>
  /** From now on what ends is counted. */
  begin(): void
  /** From now on queries are refused. */
  close(): void
  /** All that is under way is lost. */
  cut(): void
  read(): Tally
}

/** @param doubts whether notifications bring work, so that a listener that returns no promise leaves it unknown */
export function countSession(client: PgClientLike, name: string, { doubts }: { readonly doubts: boolean }): Session {
  const handlers = createTracker(name)
  const queries = createTracker(name)
  const { tally } = handlers
  const query = client.query.bind(client)
  const beginHandlers = followListeners(client as PgClientLike & EmitterLike, ['notification'], handlers, { what: (_event, [message]) => `notification on ${channelOf(message)}`, doubts })
  /** Since when it has been in queries of one another, or in a transaction. */
  let busySince = 0
  let isBegun = false
  let isClosed = false
  let isCut = false

  const isWorking = (): boolean => isQuerying(client) === true || isInTransaction(client) === true
  // The end of a client that is still connecting would leave its owner's `connect()` without an answer, or with a strange one.
  const isBusy = (): boolean => isConnecting(client) || isWorking()

  return {
    handlers,
    isBusy,
    isWorking,
    queries: {
      count: () => queries.count() + (isConnecting(client) || isInTransaction(client) === true ? 1 : 0),
      begunBefore: (at) => queries.begunBefore(at) + (isConnecting(client) || (isInTransaction(client) === true && busySince < at) ? 1 : 0),
    },
    ask: (text) => askAside(client, query, text),
    begin() {
      if (isBegun) return
      isBegun = true
      beginHandlers()
      watchQueries(client, { begun, refusal })
    },
    close: () => void (isClosed = true),
    cut() {
      const isIdleInTransaction = queries.count() === 0 && isInTransaction(client) === true
      if (!isCut) tally.cut(queries.count() + (isIdleInTransaction ? 1 : 0))
      isClosed = isCut = true
      handlers.cut()
    },
    read: tally.read,
  }

  function begun(what: string): (error?: unknown) => void {
    if (queries.count() === 0 && isInTransaction(client) !== true) busySince = performance.now()
    const end = queries.begin(() => what)
    let isOver = false
    return (...failure) => {
      if (isOver || isCut) return
      isOver = true
      end()
      if (failure.length === 0 || isAnswer(failure[0])) tally.done()
      else tally.failed(what, messageOf(failure[0]))
    }
  }

  function refusal(what: string): ReturnType<typeof closedError> | undefined {
    if (!isClosed) return undefined
    tally.refused(what)
    return closedError(name, what)
  }
}

function channelOf(message: unknown): string {
  const channel: unknown = typeof message === 'object' && message !== null ? Reflect.get(message, 'channel') : undefined
  return typeof channel === 'string' ? channel : 'a channel'
}
