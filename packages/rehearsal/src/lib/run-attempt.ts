import { requireMs, requireOptions, show } from '@lameduck/core'
import type { Attempt, AttemptOptions, AttemptResult } from './client.ts'
import { describeError } from './describe-error.ts'
import { isRefusal } from './is-refusal.ts'
import type { Loss } from './load-message.ts'
import { monotonicNow } from './monotonic-now.ts'
import { attemptNames } from './option-names.ts'
import { lossReasons, type LossReason } from './rehearsal.ts'

export interface AttemptInput<T> extends Required<AttemptOptions> {
  readonly work: (attempt: Attempt) => Promise<T> | T
  /** Local ports that earlier attempts of the same client used; this one's are added. */
  readonly usedPorts: Set<number>
}

export type AttemptVerdict<T> =
  | { readonly result: Extract<AttemptResult<T>, { ok: true }>; readonly tookMs: number }
  | { readonly result: Extract<AttemptResult<T>, { ok: false }>; readonly loss: Loss }

/** How many causes of an error are told. */
const mostCauses = 5

/** What a script gave to `client.attempt`, with the defaults. @throws LifecycleError or TypeError when it is a mistake. */
export function requireAttempt(options: AttemptOptions, work: unknown, loadTimeoutMs: number): Required<AttemptOptions> {
  if (typeof options !== 'object' || options === null) throw new TypeError(`client.attempt(options, work) was given ${show(options)} as options; it must be an object, {} for the defaults`)
  if (typeof work !== 'function') throw new TypeError(`client.attempt(options, work) was given ${show(work)} as work; it must be a function`)
  const { method = 'GET', path = '/', timeoutMs = loadTimeoutMs } = requireOptions(options, attemptNames, 'client.attempt()')
  return { method, path, timeoutMs: timeoutMs === 'none' ? 'none' : requireMs(timeoutMs, "timeoutMs of client.attempt, unless 'none',", 1) }
}

/**
 * Runs the work of a script and judges it; what the work does after the verdict is ignored. Rejects only when `lose` was called with something that
 * it does not take: whatever the service does, it does not.
 */
export function runAttempt<T>(input: AttemptInput<T>): Promise<AttemptVerdict<T>> {
  const { method, path, timeoutMs, usedPorts } = input
  const sentAt = monotonicNow()
  const timeUp = new AbortController()
  /** Of each connection that this attempt named: whether an earlier one had used it. */
  const wasUsed = new Map<number, boolean>()
  let clientPort: number | undefined

  return new Promise((resolve, reject) => {
    const timer =
      timeoutMs === 'none'
        ? undefined
        : setTimeout(() => {
            lose('timeout', `the attempt did not settle within ${timeoutMs} ms`)
            timeUp.abort(new Error(`the attempt's ${timeoutMs} ms are over`))
          }, timeoutMs)
    const attempt: Attempt = {
      signal: timeUp.signal,
      via(connection) {
        // Asked now: a connection that has ended has no port any more.
        clientPort = connection?.localPort
        if (clientPort === undefined || wasUsed.has(clientPort)) return
        wasUsed.set(clientPort, usedPorts.has(clientPort))
        usedPorts.add(clientPort)
      },
      lose(reason, detail) {
        clearTimeout(timer)
        const mistake = mistakeIn(reason, detail)
        if (mistake === undefined) lose(reason, detail)
        else reject(new TypeError(mistake))
      },
    }
    const working = (async () => await input.work(attempt))()
    working.then(
      (value) => {
        clearTimeout(timer)
        resolve({ result: { ok: true, value }, tookMs: monotonicNow() - sentAt })
      },
      (error: unknown) => {
        clearTimeout(timer)
        const { reason, detail } = lossOf(error)
        lose(reason, detail)
      },
    )

    function lose(reason: LossReason, detail: string): void {
      const reusedConnection = clientPort !== undefined && wasUsed.get(clientPort) === true
      const loss: Loss = { kind: 'request', reason, detail, method, path, status: undefined, clientPort, sentAt, lostAt: monotonicNow(), reusedConnection }
      resolve({ result: { ok: false, reason, detail }, loss })
    }
  })
}

function mistakeIn(reason: unknown, detail: unknown): string | undefined {
  if (!lossReasons.includes(reason as LossReason)) return `lose(reason, detail) was given the reason ${show(reason)}; it must be one of ${lossReasons.join(', ')}`
  if (typeof detail !== 'string') return `lose(reason, detail) was given the detail ${show(detail)}; it must be a text that says what the client saw`
  return undefined
}

/** A library wraps what happened below it: the first cause says most. */
function lossOf(error: unknown): { readonly reason: LossReason; readonly detail: string } {
  const texts: string[] = []
  let reason: LossReason = 'failed'
  try {
    let each: unknown = error
    do {
      texts.push(describeError(each))
      if (!(each instanceof Error)) break
      if (isRefusal(each)) reason = 'refused'
      each = each.cause
    } while (each !== undefined && each !== null && texts.length < mostCauses)
  } catch {
    // An error with accessors that throw: what was told so far must do.
  }
  return { reason, detail: texts.join(': ') }
}
