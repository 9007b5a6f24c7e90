import type { Attempt, AttemptOptions, AttemptResult } from './client.ts'
import type { Loss } from './load-message.ts'
import { monotonicNow } from './monotonic-now.ts'
import { lossReasons, type LossReason } from './rehearsal.ts'

export interface AttemptInput<T> extends Required<AttemptOptions> {
  readonly work: (attempt: Attempt) => Promise<T> | T
  /** Local ports that earlier attempts of the same client used; this one's is added. */
  readonly usedPorts: Set<number>
}

export type AttemptVerdict<T> =
  | { readonly result: Extract<AttemptResult<T>, { ok: true }>; readonly tookMs: number }
  | { readonly result: Extract<AttemptResult<T>, { ok: false }>; readonly loss: Loss }

/** Runs the work of a script and judges it. Never rejects; what the work does after the verdict is ignored. */
export function runAttempt<T>(input: AttemptInput<T>): Promise<AttemptVerdict<T>> {
  const { method, path, timeoutMs, usedPorts } = input
  const sentAt = monotonicNow()
  const timeUp = new AbortController()
  let clientPort: number | undefined
  let reusedConnection = false
  let said: { readonly reason: LossReason; readonly detail: string } | undefined

  const attempt: Attempt = {
    signal: timeUp.signal,
    via(connection) {
      // Asked now: a connection that has ended has no port any more.
      clientPort = connection?.localPort
      reusedConnection = clientPort !== undefined && usedPorts.has(clientPort)
      if (clientPort !== undefined) usedPorts.add(clientPort)
    },
    lose(reason, detail) {
      if (!lossReasons.includes(reason)) throw new TypeError(`lose() was given the reason ${JSON.stringify(reason)}; it must be one of ${lossReasons.join(', ')}`)
      said = { reason, detail }
      throw new Error(detail)
    },
  }

  return new Promise((resolve) => {
    const timer =
      timeoutMs === 'none'
        ? undefined
        : setTimeout(() => {
            lose('timeout', `the attempt did not settle within ${timeoutMs} ms`)
            timeUp.abort(new Error(`the attempt's ${timeoutMs} ms are over`))
          }, timeoutMs)
    const working = (async () => await input.work(attempt))()
    working.then(
      (value) => {
        clearTimeout(timer)
        if (said === undefined) resolve({ result: { ok: true, value }, tookMs: monotonicNow() - sentAt })
        else lose(said.reason, said.detail)
      },
      (error: unknown) => {
        clearTimeout(timer)
        const { reason, detail } = said ?? lossOf(error)
        lose(reason, detail)
      },
    )

    function lose(reason: LossReason, detail: string): void {
      const loss: Loss = { kind: 'request', reason, detail, method, path, status: undefined, clientPort, sentAt, lostAt: monotonicNow(), reusedConnection }
      resolve({ result: { ok: false, reason, detail }, loss })
    }
  })
}

/** A library wraps what happened below it: the first cause says most. */
function lossOf(error: unknown): { readonly reason: LossReason; readonly detail: string } {
  const texts: string[] = []
  let reason: LossReason = 'failed'
  for (let each: unknown = error; each !== undefined && texts.length < 5; each = each instanceof Error ? each.cause : undefined) {
    const { code, syscall } = each as NodeJS.ErrnoException
    if (syscall === 'connect' || code === 'ECONNREFUSED') reason = 'refused'
    texts.push(describe(each))
  }
  return { reason, detail: texts.join(': ') }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as NodeJS.ErrnoException
  const message = error.message === '' ? error.name : error.message
  return code === undefined || message.includes(String(code)) ? message : `${message} (${code})`
}
