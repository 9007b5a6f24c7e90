import { get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** One answer to one probe. */
export interface ProbeAnswer {
  /** 200–399. */
  readonly ok: boolean
  readonly status: number | undefined
  /** Why there was no answer: `ECONNREFUSED`, `timeout`. */
  readonly error: string | undefined
}

/** GET on a connection of its own, as kubelet probes. Never rejects. */
export function askProbe(url: string, timeoutMs: number): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const settle = (status: number | undefined, error: string | undefined): void => {
      clearTimeout(timer)
      request.destroy()
      resolve({ ok: status !== undefined && status >= 200 && status < 400, status, error })
    }
    const request = get(url, { agent: false }, (response) => settle(response.statusCode, undefined))
    request.on('error', (error: NodeJS.ErrnoException) => settle(undefined, error.code ?? error.message))
    const timer = setTimeout(() => settle(undefined, 'timeout'), timeoutMs)
  })
}

export interface ProbeWatch {
  readonly url: string
  readonly periodMs: number
  readonly timeoutMs: number
  /** Ends the watch. */
  readonly signal: AbortSignal
  readonly onAnswer: (answer: ProbeAnswer, isChange: boolean) => void
}

/** Asks once per period until the signal aborts; a slow answer delays the next question, as kubelet's worker does. */
export async function watchProbe(watch: ProbeWatch): Promise<void> {
  let last: ProbeAnswer | undefined
  while (!watch.signal.aborted) {
    const askedAt = performance.now()
    const answer = await askProbe(watch.url, watch.timeoutMs)
    if (watch.signal.aborted) return
    const isChange = last === undefined || last.ok !== answer.ok || last.status !== answer.status || last.error !== answer.error
    last = answer
    watch.onAnswer(answer, isChange)
    await sleep(Math.max(0, askedAt + watch.periodMs - performance.now()), undefined, { signal: watch.signal }).catch(() => {})
  }
}
