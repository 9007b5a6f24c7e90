import { setTimeout } from 'node:timers/promises'
import { closeWhenIdle, lateWorkMs, orAborted, type DrainContext } from '@lameduck/core'
import type { Part } from '../part.ts'
import type { Handlers } from '../track-handlers.ts'

/** How the transport of one broker takes part in the stop. */
export interface Intake {
  /** Takes no further message, beginning in the tick of the signal. Resolves when none can come any more. */
  readonly stop: () => PromiseLike<unknown> | undefined
  /** Resolves when the broker has every reply. Not called when none was sent since the signal. */
  readonly flush?: () => PromiseLike<unknown>
  /** Calls back when it has given up for good. */
  readonly watch?: (ended: (why: unknown) => void) => void
  readonly warnings?: readonly string[]
}

/**
 * A consumer takes no further message from the signal on: what it does not take, another replica or the next process gets. Messages in hand
 * are finished, and their replies are with the broker, before anything is closed.
 */
export function consumer({ stop, flush, watch, warnings }: Intake, handlers: Handlers): Part {
  let stopped: Promise<unknown> | undefined
  let sentBefore = 0

  function quiesce(): void {
    sentBefore = handlers.sent()
    stopped ??= Promise.resolve(stop()).catch(() => {})
  }

  async function drain({ signal }: DrainContext): Promise<void> {
    quiesce()
    await orAborted(withinLimit(stopped as Promise<unknown>), signal)
    await closeWhenIdle(handlers, () => handlers.close(), signal)
    if (handlers.sent() > sentBefore) await orAborted(Promise.resolve(flush?.()), signal)
  }

  return { quiesce, drain, ...(watch ? { watch } : {}), ...(warnings ? { warnings } : {}) }
}

/** A broker that does not answer has nothing of ours. What it delivers later all the same is refused and counted. */
async function withinLimit(stopped: Promise<unknown>): Promise<void> {
  const answered = new AbortController()
  await Promise.race([stopped, setTimeout(lateWorkMs, undefined, { signal: answered.signal }).catch(() => {})])
  answered.abort()
}
