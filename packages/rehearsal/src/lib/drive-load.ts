import { Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { requireMs, requireOptions, show } from '@lameduck/core'
import type { Attempt, AttemptOptions, AttemptResult, Client, ClientAnswer, ClientRequest, CreateSession, LastingSession } from './client.ts'
import { exchange, type ExchangeResult } from './exchange.ts'
import { summariseLatency } from './latency.ts'
import type { LoadCommand, LoadMessage, Loss } from './load-message.ts'
import { requestNames } from './option-names.ts'
import { createRandom } from './random.ts'
import type { LoadCounts } from './rehearsal-event.ts'
import type { LoadResult } from './rehearsal.ts'
import { requireAttempt, runAttempt } from './run-attempt.ts'

/**
 * Time until a stream client comes back, at least; at most twice as long. EventSource waits for seconds (its
 * "reconnection time"); here it is only long enough that an orderly end of the connection has arrived before.
 */
const reconnectMs = 200

/** Longest time for a session's `close`, in ms; less than what `startLoad` waits for the clients, so that the culprit is named. */
const longestCloseMs = 10_000

const isGoodByDefault = (status: number): boolean => status >= 200 && status < 400

/** All clients, running. */
export interface RunningLoad {
  counts(): LoadCounts
  /** Begins nothing new and settles when everything in flight has its verdict; rejects with what a script threw. */
  readonly finished: Promise<Omit<LoadResult, 'failures'>>
  stop(): void
}

/** Starts every client and every stream. `tell` hears of each loss at once. */
export function driveLoad(command: Extract<LoadCommand, { type: 'start' }>, createSession: CreateSession | undefined, tell: (message: LoadMessage) => void): RunningLoad {
  const { host, port, seed, load } = command
  const stopping = new AbortController()
  const longestPauseMs = { fast: load.fastPauseMs, slow: load.slowPauseMs }
  const latencies: number[] = []
  /** Without a prototype: `constructor` is a kind like any other. */
  const records = Object.create(null) as Record<string, string[]>
  const totals = { sent: 0, ok: 0, lost: 0 }
  const streams = { opened: 0, ended: 0, lost: 0, openAtEnd: 0 }
  let openStreams = 0

  const running: Promise<void>[] = []
  for (let id = 1; id <= load.fast + load.slow; id++) running.push(runClient(id, id <= load.fast ? 'fast' : 'slow'))
  for (let id = 1; id <= load.streams; id++) running.push(runStream(load.fast + load.slow + id))

  return {
    counts: () => ({ ...totals, openStreams }),
    finished: Promise.all(running).then(() => ({ ...totals, records, latency: summariseLatency(latencies), streams })),
    stop: () => stopping.abort(),
  }

  async function runClient(id: number, pace: 'fast' | 'slow'): Promise<void> {
    const random = createRandom(seed + id)
    const agent = createAgent()
    const usedPorts = new Set<number>()
    const client: Client = {
      id,
      pace,
      url: `http://${host}:${port}`,
      host,
      port,
      signal: stopping.signal,
      request: (request) => send(request, agent),
      attempt: (options, work) => attempt(options, work, usedPorts),
      record: (kind, value) => (records[kind] ??= []).push(value),
    }
    const session = createSession === undefined ? { round: async () => void (await client.request({ path: load.path })) } : requireSession(await createSession(client))
    try {
      // Spreads the first requests as the later ones are.
      await think(random() * longestPauseMs[pace])
      while (!stopping.signal.aborted) {
        await session.round()
        await think(random() * longestPauseMs[pace])
      }
    } catch (error) {
      // The rehearsal ends by this error: a close that fails too, or hangs, must not hide it.
      void closeSession(session).catch(() => {})
      throw error
    } finally {
      agent.destroy()
    }
    await closeSession(session)
  }

  function requireSession(session: unknown): LastingSession {
    const { round, close } = (session ?? {}) as Partial<LastingSession>
    if (typeof round === 'function' && (close === undefined || typeof close === 'function')) return session as LastingSession
    const wrong = typeof round === 'function' ? `close is ${show(close)}` : session === undefined || session === null ? `it returned ${String(session)}` : `round is ${show(round)}`
    throw new TypeError(`createSession of ${load.script} must return { round(), close?() }; ${wrong}`)
  }

  async function closeSession(session: LastingSession): Promise<void> {
    const isClosed = new AbortController()
    const tooLong = sleep(longestCloseMs, undefined, { signal: isClosed.signal }).then(
      () => {
        throw new Error(`close() of a session of ${load.script} did not settle within ${longestCloseMs / 1_000} s`)
      },
      () => {},
    )
    try {
      await Promise.race([session.close?.(), tooLong])
    } finally {
      isClosed.abort()
    }
  }

  async function attempt<T>(options: AttemptOptions, work: (attempt: Attempt) => Promise<T> | T, usedPorts: Set<number>): Promise<AttemptResult<T>> {
    const { method, path, timeoutMs } = requireAttempt(options, work, load.timeoutMs)
    totals.sent++
    const verdict = await runAttempt({ method, path, timeoutMs, work, usedPorts })
    if ('loss' in verdict) {
      totals.lost++
      tell({ type: 'lost', loss: verdict.loss })
    } else {
      totals.ok++
      if (timeoutMs !== 'none') latencies.push(verdict.tookMs)
    }
    return verdict.result
  }

  async function send(request: ClientRequest, agent: Agent): Promise<ClientAnswer> {
    requireOptions(request, requestNames, 'client.request()')
    const timeoutMs = requireMs(request.timeoutMs ?? load.timeoutMs, 'timeoutMs of client.request', 1)
    totals.sent++
    const result = await exchange({
      kind: 'request',
      host,
      port,
      agent,
      method: request.method ?? 'GET',
      path: request.path ?? '/',
      headers: request.headers ?? {},
      body: request.body,
      timeoutMs,
      isGood: request.isGood ?? isGoodByDefault,
    })
    if (result.outcome === 'complete') {
      totals.ok++
      latencies.push(result.tookMs)
      return { ok: true, status: result.status, headers: result.headers, body: result.body }
    }
    totals.lost++
    if (result.outcome === 'lost') tell({ type: 'lost', loss: result.loss })
    return { ok: false, status: result.outcome === 'lost' ? result.loss.status : undefined }
  }

  async function runStream(id: number): Promise<void> {
    const random = createRandom(seed + id)
    const agent = createAgent()
    while (!stopping.signal.aborted) {
      streams.opened++
      openStreams++
      const result = await openStream(agent)
      openStreams--
      if (result.outcome === 'complete') streams.ended++
      else if (result.outcome === 'given-up') streams.openAtEnd++
      else countLostStream(result.loss)
      await think(reconnectMs * (1 + random()))
    }
    agent.destroy()
  }

  function openStream(agent: Agent): Promise<ExchangeResult> {
    return exchange({
      kind: 'stream',
      host,
      port,
      agent,
      method: 'GET',
      path: load.streamPath,
      headers: { accept: 'text/event-stream' },
      body: undefined,
      timeoutMs: load.timeoutMs,
      isGood: isGoodByDefault,
      signal: stopping.signal,
    })
  }

  function countLostStream(loss: Loss): void {
    streams.lost++
    tell({ type: 'lost', loss })
  }

  async function think(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: stopping.signal }).catch(() => {})
  }
}

/** One connection that is used again and again and never chosen by anybody else; Node's agent does not repeat requests. */
function createAgent(): Agent {
  return new Agent({ keepAlive: true, maxSockets: 1 })
}
