import { closedError, createTracker, type Tally, type Tracker } from '@lameduck/core'
import type { Caller, DrivenPool } from './driven-pool.ts'
import { isAnswer, messageOf } from './is-answer.ts'
import { isLost, isQuerying } from './pg-internals.ts'
import type { PgClientLike } from './pg-types.ts'
import type { TrackedPool } from './track-pool.ts'
import { watchQueries } from './watch-queries.ts'

/** What becomes of the uses of a pool: each from the call that asks for a connection until that is released. */
export interface Uses extends Pick<Tracker, 'begunBefore' | 'onEnd'> {
  /** How many are not over although their connection was given back. */
  released(): number
  /** From now on they are counted, those that are under way included. Before, nothing is added to a use. */
  begin(): void
  /** From now on callers are refused. */
  close(): void
  /** Until the pool is ending they are served again. */
  reopen(): void
  /** All that are under way are lost. */
  cut(): void
  read(): Tally
}

interface Use {
  /** What it is doing, for reports. */
  what: string
  /** Queries that have not ended. */
  running: number
  readonly end: (error?: unknown) => void
  /** Why it has failed, if it has: the first query without an answer. */
  failure?: { readonly what: string; readonly error: unknown }
}

export interface CountUsesInput {
  readonly name: string
  readonly driven: DrivenPool
  readonly tracked: TrackedPool
  /** Clients in the hands of the readiness check. */
  readonly isAside: (client: PgClientLike) => boolean
}

export function countUses({ name, driven, tracked, isAside }: CountUsesInput): Uses {
  const { pool } = driven
  const { tally, begin, begunBefore, onEnd, cut } = createTracker(name)
  const releases = new Map<PgClientLike, () => void>()
  /** Those whose client has been given back with queries running. */
  const released = new Set<Use>()
  let isBegun = false
  let isClosed = false
  let isCut = false

  return {
    begunBefore,
    onEnd,
    released: () => released.size,
    begin() {
      if (isBegun) return
      isBegun = true
      tally.begin()
      const checkedOut = new Set(tracked.checkedOut().map(({ client }) => client))
      for (const client of checkedOut) if (!isAside(client)) asks().got(client)
      for (const client of tracked.open().filter((each) => !checkedOut.has(each) && isQuerying(each) === true)) {
        asks().got(client)
        releases.get(client)?.()
      }
      pool.addListener('release', (_error: unknown, client: PgClientLike) => releases.get(client)?.())
      driven.follow({ asks, refusal })
    },
    close: () => void (isClosed = true),
    reopen: () => void (isClosed = false),
    cut() {
      isClosed = isCut = true
      cut()
    },
    read: tally.read,
  }

  function refusal(what: string): ReturnType<typeof closedError> | undefined {
    if (!isClosed && !pool.ending) return undefined
    tally.refused(what)
    return closedError(name, what)
  }

  function asks(): Caller {
    const use: Use = { what: 'waiting for a connection', running: 0, end: begin(() => use.failure?.what ?? use.what) }
    return { got: (client) => take(client, use), failed: use.end }
  }

  function take(client: PgClientLike, use: Use): void {
    use.what = 'a connection'
    let release: (() => void) | undefined
    const unwatch = watchQueries(client, {
      begun(what) {
        use.running += 1
        return (error) => {
          use.running -= 1
          if (error !== undefined && !isAnswer(error)) use.failure ??= { what, error: messageOf(error) }
          if (use.running === 0) release?.()
        }
      },
      // In the hands of code that goes on after its connection was cut.
      refusal: (what) => (isCut ? refusal(what) : undefined),
    })
    releases.set(client, () => {
      releases.delete(client)
      unwatch()
      if (isLost(client)) use.failure ??= { what: use.what, error: messageOf(tracked.lostBy(client) ?? 'it was lost while it was in use') }
      // Whoever sends a query and does not wait for its answer still wants it done.
      if (use.running === 0 || use.failure) return over(use)
      released.add(use)
      release = () => over(use)
    })
  }

  function over(use: Use): void {
    released.delete(use)
    if (use.failure) use.end(use.failure.error)
    else use.end()
  }
}
