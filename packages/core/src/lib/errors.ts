import { describeValue } from './describe-value.ts'

/** Every code a {@link LifecycleError} can carry; `docs/errors.md` explains each. */
export const lifecycleErrorCodes = [
  'invalid-option',
  'invalid-resource',
  'duplicate-name',
  'dependency-cycle',
  'unknown-dependency',
  'added-too-late',
  'wrong-state',
  'start-failed',
  'check-failed',
  'closed',
  'cut',
] as const

export type LifecycleErrorCode = (typeof lifecycleErrorCodes)[number]

/**
 * What core throws for a programmer's mistake, what `start()` rejects with, and what a client's call rejects with that the stop has
 * refused (`closed`) or cut (`cut`). Other failures while stopping are never thrown: they are outcomes in the report.
 */
export class LifecycleError extends Error {
  override readonly name = 'LifecycleError'
  readonly code: LifecycleErrorCode
  /** Name of the resource it is about, if any. */
  readonly resource: string | undefined
  /** The call that was refused (`closed`) or cut (`cut`), such as `INCR`. */
  readonly what: string | undefined

  constructor(code: LifecycleErrorCode, message: string, options: { resource?: string; what?: string; cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.resource = options.resource
    this.what = options.what
  }
}

/**
 * What a call rejects with that comes after its resource was closed by the stop. The same for every client, so that
 * whoever sees it can tell a late use from a fault: nothing of the call was done.
 *
 * @param resource the resource's name
 * @param what the call, such as `INCR`
 */
export function closedError(resource: string, what: string): LifecycleError {
  return new LifecycleError('closed', `"${resource}" is closed, since the service stops: nothing of this was done (${what})`, { resource, what })
}

/** What a call rejects with that was under way when its resource was cut. Whether the other side has done it is not known. */
export function cutError(resource: string, what: string): LifecycleError {
  return new LifecycleError('cut', `"${resource}" was cut, since its time in the stop was over: it is not known whether this was done (${what})`, { resource, what })
}

const links = ['cause', 'driverError', 'original', 'parent', 'originalError'] as const
const longestChain = 5

/** The LifecycleError that an error is, or was caused by; libraries wrap what their drivers throw. By its name, since another copy of core may have thrown it. */
export function lifecycleErrorIn(error: unknown): LifecycleError | undefined {
  return find(error, longestChain)
}

function find(error: unknown, depth: number): LifecycleError | undefined {
  // Everything about a foreign value may throw.
  try {
    if (typeof error !== 'object' || error === null || depth === 0) return undefined
    if ((error as Error).name === 'LifecycleError') return error as LifecycleError
    for (const link of links) {
      const found = find((error as Record<string, unknown>)[link], depth - 1)
      if (found) return found
    }
  } catch {
    // Then it is none of ours.
  }
  return undefined
}

/** A hundred years, in ms: what is longer is a mistake, and sums of it are no longer exact. */
const longestMs = 100 * 365 * 86_400_000

/** Throws unless `value` is a number of milliseconds, at least `least` and at most a hundred years. The message carries the value and its type. */
export function requireMs(value: unknown, option: string, least: number = 0): number {
  if (typeof value === 'number' && value >= least && value <= longestMs) return value
  const bound = typeof value === 'number' && value > longestMs && value < Infinity ? 'at most 100 years' : `at least ${least}`
  throw new LifecycleError('invalid-option', `${option} must be a number of milliseconds, ${bound}; it is ${show(value)}`)
}

/** A value with its type, for messages: `"5s" (string)`. */
export function show(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(describeValue(value)) : typeof value === 'function' ? 'a function' : describeValue(value)
  return `${text} (${value === null ? 'null' : typeof value})`
}
