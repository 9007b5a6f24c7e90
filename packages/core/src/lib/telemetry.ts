import { describeError } from './describe-value.ts'
import { describeMs } from './duration.ts'
import { LifecycleError, requireMs, show } from './errors.ts'
import { requireOptions } from './require-options.ts'
import type { DrainContext, Resource } from './resource.ts'
import { createTally } from './work/tally.ts'

/** What an SDK for traces, errors or logs offers for the end of a process. */
export interface TelemetryOptions {
  /**
   * Sends what has been collected, and resolves when it has arrived; to `false` where it has not. It is called when everything else has stopped.
   * When an uncaught error or a failed start begins the stop, it is also called at once: the process may not live long.
   *
   * @param withinMs how long it may take
   */
  readonly flush?: (withinMs: number) => unknown
  /** Ends the SDK, after `flush`. Like `flush`, it resolves when what it sends has arrived, or to `false`. */
  readonly close?: (withinMs: number) => unknown
  /** Longest time for both together, in ms. @default 3000 */
  readonly timeoutMs?: number
  /** Time that is guaranteed to it, in ms. @default the policy's value for the phase `telemetry` (1000) */
  readonly reserveMs?: number
}

/** Kept free of the step's time, so that it ends before it is cut. */
const mostSpareMs = 50
const spareShare = 0.1

/**
 * An SDK that sends what it has collected in the background, as a resource of the phase `telemetry`:
 *
 * ```ts
 * lifecycle.add(telemetry('sentry', { flush: (withinMs) => Sentry.flush(withinMs) }))
 * ```
 *
 * What does not arrive is no work of the service: where `flush` or `close` fails, or takes too long, the step is `unknown` and not failed or
 * forced. So a collector that is down neither holds the stop for long nor changes the exit code.
 *
 * @throws LifecycleError `invalid-option`
 */
export function telemetry(name: string, options: TelemetryOptions): Resource {
  const { flush, close, timeoutMs, reserveMs } = resolveOptions(name, options)
  const tally = createTally()
  let early: Promise<unknown> = Promise.resolve()

  return {
    name,
    phase: 'telemetry',
    timeoutMs,
    ...(reserveMs === undefined ? {} : { reserveMs }),
    quiesce({ reason }) {
      tally.begin()
      if (reason.kind !== 'fatal' || !flush) return
      early = attempt(flush, timeoutMs)
      // Its failure is told by the drain.
      early.catch(() => {})
    },
    tally: tally.read,
    async drain({ remaining, signal }: DrainContext) {
      const spareMs = Math.min(mostSpareMs, remaining() * spareShare)
      const leftMs = (): number => Math.max(0, Math.floor(remaining() - spareMs))
      const failures = [
        flush && (await arrival('flush', [early, attempt(flush, leftMs())], leftMs(), signal)),
        close && (await arrival('close', [attempt(close, leftMs())], leftMs(), signal)),
      ].filter((failure) => failure !== undefined)
      if (failures.length > 0) tally.unknown(`telemetry may be lost: ${failures.join('; ')}`)
    },
  }
}

/** A synchronous throw becomes a rejection. */
async function attempt(send: (withinMs: number) => unknown, withinMs: number): Promise<unknown> {
  return await send(withinMs)
}

/** Resolves to why not everything has arrived, and to nothing where it has. What happens later is never an unhandled rejection. */
function arrival(what: string, sending: readonly Promise<unknown>[], withinMs: number, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const end = (failure?: string): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', giveUp)
      resolve(failure)
    }
    const giveUp = (): void => end(`${what} did not end within ${describeMs(withinMs)}`)
    const timer = setTimeout(giveUp, withinMs)
    signal.addEventListener('abort', giveUp)
    void Promise.allSettled(sending).then((sent) => {
      const failed = sent.find((each) => each.status === 'rejected')
      if (failed) return end(`${what} failed: ${describeError(failed.reason)}`)
      end(sent.some((each) => each.status === 'fulfilled' && each.value === false) ? `${what} says that not everything has arrived` : undefined)
    })
  })
}

function resolveOptions(name: string, options: TelemetryOptions): TelemetryOptions & { readonly timeoutMs: number } {
  if (typeof name !== 'string' || name === '') throw new LifecycleError('invalid-option', `telemetry() takes a name, a non-empty text; it was given ${show(name)}`)
  const where = `telemetry("${name}")`
  requireOptions(options, { flush: true, close: true, timeoutMs: true, reserveMs: true }, where)
  const { flush, close, timeoutMs = 3_000, reserveMs } = options
  for (const [key, value] of Object.entries({ flush, close })) {
    if (value !== undefined && typeof value !== 'function') throw new LifecycleError('invalid-option', `${where}: ${key} must be a function; it is ${show(value)}`)
  }
  if (!flush && !close) throw new LifecycleError('invalid-option', `${where}: give it flush, close, or both; it has neither, so it would do nothing`)
  return {
    ...(flush ? { flush } : {}),
    ...(close ? { close } : {}),
    timeoutMs: requireMs(timeoutMs, `${where}: timeoutMs`, 1),
    ...(reserveMs === undefined ? {} : { reserveMs: requireMs(reserveMs, `${where}: reserveMs`) }),
  }
}
