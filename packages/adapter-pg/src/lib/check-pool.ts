import { orAborted, LifecycleError } from '@lameduck/core'
import type { DrivenPool, Held } from './driven-pool.ts'
import type { PgClientLike } from './pg-types.ts'

export interface PoolCheck {
  /** @throws LifecycleError `check-failed` when the server need not be asked to know; what the server or the signal says otherwise. */
  ask(signal: AbortSignal): Promise<void>
  /** Asks nothing any more. An answer that is not there in `patienceMs` is given up, and its connection thrown away. */
  stop(patienceMs: number): void
  /** Whether a client is in its hands. */
  readonly holds: (client: PgClientLike) => boolean
}

/** A `SELECT 1` that was sent, or waits for its connection to be opened. */
interface Question {
  readonly answer: Promise<void>
  readonly holds: (client: PgClientLike) => boolean
  /** The connection is thrown away instead of kept waiting for the answer; one that is still being opened is kept for others. */
  readonly discard: () => void
  /** The same, but nobody will need a connection any more. */
  readonly abandon: () => void
}

/**
 * A readiness check that asks the server `SELECT 1`, but never queues for a connection: an exhausted pool with
 * callers waiting is reported as busy, and one with none waiting is believed. Only one question is outstanding at
 * a time, whoever asks, so that a frozen server costs one connection at most.
 */
export function checkPool(driven: DrivenPool): PoolCheck {
  const { pool } = driven
  let outstanding: Question | undefined
  let isStopped = false

  return {
    async ask(signal) {
      if (!outstanding) {
        refuse()
        if (pool.idleCount === pool.waitingCount && pool.totalCount >= (pool.options?.max ?? 10)) return
        outstanding = begin(signal)
      }
      await orAborted(outstanding.answer, signal)
    },
    stop(patienceMs) {
      isStopped = true
      if (!outstanding) return
      const { answer, abandon } = outstanding
      // More than once: what is being opened is left alone while others wait.
      const timer = setInterval(abandon, patienceMs).unref()
      const forget = (): void => clearInterval(timer)
      answer.then(forget, forget)
    },
    holds: (client) => outstanding?.holds(client) ?? false,
  }

  function refuse(): void {
    if (pool.ending) throw new LifecycleError('check-failed', 'the pool has been ended')
    if (isStopped) throw new LifecycleError('check-failed', 'the pool is draining, so the server was not asked')
    // Not those for whom there is an idle one: pg-pool hands it to them in the next turn of the event loop.
    if (pool.waitingCount > pool.idleCount) {
      throw new LifecycleError(
        'check-failed',
        `busy: connections in use: ${pool.totalCount - pool.idleCount}, callers that wait for one: ${pool.waitingCount}, so the server was not asked; raise the pool's max or shorten the transactions`,
      )
    }
  }

  function begin(signal: AbortSignal): Question {
    const question = askServer(driven)
    signal.addEventListener('abort', question.discard, { once: true })
    question.answer.then(forget, forget)
    return question

    function forget(): void {
      signal.removeEventListener('abort', question.discard)
      outstanding = undefined
    }
  }
}

function askServer(driven: DrivenPool): Question {
  const connecting = driven.connect()
  const discarded = new AbortController()
  let held: Held | undefined
  return { answer: ask(), holds: (client) => held?.client === client, discard, abandon }

  async function ask(): Promise<void> {
    held = await connecting.held
    if (discarded.signal.aborted) return letGo()
    try {
      await orAborted(held.client.query('SELECT 1'), discarded.signal)
      letGo()
    } catch (error) {
      letGo(true)
      throw error
    }
  }

  function letGo(discard?: boolean): void {
    const letting = held
    held = undefined
    letting?.release(discard)
  }

  function discard(): void {
    letGo(true)
    discarded.abort(new Error('the server did not answer the readiness check in time'))
  }

  function abandon(): void {
    const isOpening = held === undefined
    discard()
    if (isOpening) connecting.giveUp(new Error('the pool is draining, and only the readiness check waited for this connection'))
  }
}
