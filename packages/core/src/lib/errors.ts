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
] as const

export type LifecycleErrorCode = (typeof lifecycleErrorCodes)[number]

/**
 * What core throws for a programmer's mistake, and what `start()` rejects with.
 * Failures while stopping are never thrown: they are outcomes in the report.
 */
export class LifecycleError extends Error {
  override readonly name = 'LifecycleError'
  readonly code: LifecycleErrorCode
  /** Name of the resource it is about, if any. */
  readonly resource: string | undefined

  constructor(code: LifecycleErrorCode, message: string, options: { resource?: string; cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.resource = options.resource
  }
}

/** Throws unless `value` is a finite number of milliseconds, at least `least`. The message carries the value and its type. */
export function requireMs(value: unknown, option: string, least: number = 0): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= least) return value
  throw new LifecycleError('invalid-option', `${option} must be a number of milliseconds, at least ${least}; it is ${show(value)}`)
}

/** A value with its type, for messages: `"5s" (string)`. */
export function show(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : typeof value === 'function' ? 'a function' : describeValue(value)
  return `${text} (${value === null ? 'null' : typeof value})`
}
