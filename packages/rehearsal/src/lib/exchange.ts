import { request as httpRequest, type Agent, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { oneLine } from '@lameduck/core'
import { isRefusal } from './is-refusal.ts'
import type { Loss } from './load-message.ts'
import { monotonicNow } from './monotonic-now.ts'
import type { LossReason } from './rehearsal.ts'

/** Longest body that is kept for a script, in characters. */
const longestBody = 16 * 1_024 * 1_024

/** One request and everything that it takes to judge its answer. */
export interface ExchangeOptions {
  readonly kind: 'request' | 'stream'
  readonly host: string
  readonly port: number
  readonly agent: Agent
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  /** For a request until the answer is complete, for a stream until its headers came, in ms. */
  readonly timeoutMs: number
  readonly isGood: (status: number) => boolean
  /** Aborting it gives up without a verdict. */
  readonly signal?: AbortSignal
}

export type ExchangeResult =
  | { readonly outcome: 'complete'; readonly status: number; readonly headers: IncomingMessage['headers']; readonly body: string; readonly tookMs: number }
  | { readonly outcome: 'lost'; readonly loss: Loss }
  | { readonly outcome: 'given-up' }

/** Sends one request, never a second time, and judges the answer. Never rejects. */
export function exchange(options: ExchangeOptions): Promise<ExchangeResult> {
  const { kind, host, port, agent, method, path, headers, timeoutMs } = options
  const sentAt = monotonicNow()

  return new Promise((resolve) => {
    let response: IncomingMessage | undefined
    let clientPort: number | undefined
    let isSettled = false
    const request = httpRequest({ host, port, agent, method, path, headers })
    const timer = setTimeout(() => lose('timeout', `no complete answer within ${timeoutMs} ms`), timeoutMs)
    options.signal?.addEventListener('abort', giveUp, { once: true })
    if (options.signal?.aborted === true) return giveUp()

    request.once('socket', (socket: Socket) => {
      // Known already, although it is still connecting; a connection that is refused never gets any further.
      clientPort = socket.localPort
    })
    // Stays on: a connection can fail more than once, and an error without a listener would end the process.
    request.on('error', (error) => lose(reasonOf(error, response), describe(error)))
    request.once('response', (incoming) => {
      response = incoming
      receive(incoming)
    })
    request.end(options.body)

    function receive(incoming: IncomingMessage): void {
      const status = incoming.statusCode ?? 0
      const chunks: string[] = []
      if (kind === 'stream') clearTimeout(timer)
      incoming.setEncoding('utf8')
      let size = 0
      incoming.on('data', (chunk: string) => {
        if (kind === 'stream') return
        size += chunk.length
        if (size > longestBody) lose('unreadable', `the answer has more than ${longestBody} characters`)
        else chunks.push(chunk)
      })
      incoming.on('error', (error) => lose('truncated', describe(error)))
      incoming.once('close', () => lose('truncated', 'the connection ended before the response was complete'))
      // Node ends a response that was cut with the error `aborted`, never with `end`.
      incoming.once('end', () => {
        // A close-delimited body has no end of its own: for a stream it cannot be told from a cut.
        const hasNoEnd = kind === 'stream' && incoming.headers['transfer-encoding'] !== 'chunked'
        if (!options.isGood(status)) lose('bad-status', `HTTP ${status}`)
        else if (hasNoEnd) lose('truncated', 'the stream is not chunked, so it has no complete end')
        else settle({ outcome: 'complete', status, headers: incoming.headers, body: chunks.join(''), tookMs: monotonicNow() - sentAt })
      })
    }

    function lose(reason: LossReason, detail: string): void {
      if (isSettled) return
      const status = response?.statusCode
      const loss: Loss = { kind, reason, detail, method, path, status, clientPort, sentAt, lostAt: monotonicNow(), reusedConnection: request.reusedSocket }
      settle({ outcome: 'lost', loss })
      // After a complete answer the connection is good for the next request.
      if (reason !== 'bad-status') request.destroy()
    }

    function giveUp(): void {
      settle({ outcome: 'given-up' })
      request.on('error', () => {})
      request.destroy()
    }

    function settle(result: ExchangeResult): void {
      if (isSettled) return
      isSettled = true
      clearTimeout(timer)
      options.signal?.removeEventListener('abort', giveUp)
      resolve(result)
    }
  })
}

/** Node reports a reset in mid-response on the request, before it reports the response as aborted; a FIN only as aborted. */
function reasonOf(error: NodeJS.ErrnoException, response: IncomingMessage | undefined): LossReason {
  if (isRefusal(error)) return 'refused'
  if (error.syscall === 'connect') return 'failed'
  if (error.code === 'HPE_INVALID_EOF_STATE') return 'truncated'
  if (error.code?.startsWith('HPE_') === true) return 'unreadable'
  return response === undefined ? 'reset-before-headers' : 'reset-after-headers'
}

function describe(error: NodeJS.ErrnoException): string {
  return oneLine(error.message === '' ? (error.code ?? error.name) : error.message)
}
