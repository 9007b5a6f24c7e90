import { show } from '@lameduck/core'
import type { Subject, Work } from './harness.ts'
import { settle } from './settle.ts'

/** Calls a function of the harness. Whatever goes wrong with that is told as the harness's mistake: the resource has not been judged. */
export async function callHarness<T>(name: string, action: () => Promise<T> | T, harnessMs: number): Promise<T> {
  const called = await settle(action, harnessMs)
  if (called.kind === 'fulfilled') return called.value as T
  if (called.kind === 'rejected') throw blame(`${name}() failed: ${String(called.error)}`, called.error)
  throw blame(`${name}() had not settled after ${harnessMs} ms (harnessMs)${hint(name)}`)
}

/** An error of the harness, which the resource is not to blame for. */
export function blame(what: string, cause?: unknown): Error {
  return new Error(`the harness's ${what}`, cause === undefined ? undefined : { cause })
}

/** @throws when `create` gave no subject, or one that has been used before. */
export function requireSubject(subject: Subject, used: WeakSet<object>): void {
  const { resource } = (subject ?? {}) as Partial<Subject>
  if (typeof resource !== 'object' || resource === null) throw blame(`create() must resolve with an object that has the resource; it resolved with ${show(subject)}`)
  if (used.has(resource)) throw blame('create() resolved with a resource that it had given before; every check needs a new one')
  used.add(resource)
}

/** Work whose end is known, and the error of its caller where that is told. */
export interface WatchedWork {
  readonly outcome: Promise<'finished' | 'failed'>
  readonly error: () => unknown
  finish(): Promise<void> | void
}

/**
 * What `busy` resolved with, watched: `mistakes` gets a text when the work ends by itself.
 *
 * @throws when it is no work, or had failed already.
 */
export async function watchWork(work: Work, mistakes: string[]): Promise<WatchedWork> {
  // Not `instanceof`: a promise of Node itself is of another realm in jest, and a client may have promises of its own.
  if (typeof work?.finish !== 'function' || typeof work.outcome?.then !== 'function') throw blame(`busy() must resolve with { outcome, finish }; it resolved with ${show(work)}`)
  let mayFinish = false
  let isSettled = false
  let failure: unknown
  const ended = Promise.resolve(work.outcome).then(
    (outcome: unknown) => {
      isSettled = true
      if (isError(outcome)) failure = outcome
      else if (outcome !== 'finished' && outcome !== 'failed') mistakes.push(`busy() gave work whose outcome must be 'finished', 'failed' or an Error; it was ${show(outcome)}`)
      else if (outcome === 'finished' && !mayFinish) mistakes.push('busy() gave work that finished before finish() was called: it must be in flight until then')
      return outcome === 'finished' ? 'finished' : 'failed'
    },
    (error: unknown) => {
      isSettled = true
      mistakes.push(`busy() gave work whose outcome rejected: ${String(error)}; it must say 'failed'`)
      return 'failed' as const
    },
  )
  await new Promise(setImmediate)
  if (isSettled && mistakes.length === 0) throw blame('busy() gave work that had failed before anything was done to the resource')
  return {
    outcome: ended,
    error: () => failure,
    finish() {
      mayFinish = true
      return work.finish()
    },
  }
}

/** By its message: an Error of Node itself is of another realm in jest. */
export function isError(value: unknown): value is Error {
  return typeof value === 'object' && value !== null && typeof (value as Error).message === 'string'
}

function hint(name: string): string {
  return name === 'busy' ? '; a resource that takes one unit of work after the other needs atOnce: 1' : ''
}
