import { inspect } from 'node:util'
import { oneLine } from '@lameduck/core'

/** Longest stack that is kept, in characters. */
const longestStack = 16_000

/** What was thrown, as one line of at most 2,000 characters: never empty, whatever it is. The message of an error has its code, unless it says it already. */
export function describeError(error: unknown): string {
  return oneLine(textOf(error))
}

function textOf(error: unknown): string {
  try {
    if (typeof error === 'string') return error === '' ? 'an empty text' : error
    if (!(error instanceof Error)) return inspect(error)
    const { code } = error as NodeJS.ErrnoException
    const message = error.message === '' ? error.name : String(error.message)
    return code === undefined || message.includes(String(code)) ? message : `${message} (${String(code)})`
  } catch {
    return 'something that cannot be described'
  }
}

/** The same with the stack, where there is one. */
export function describeWithStack(error: unknown): string {
  try {
    if (error instanceof Error && typeof error.stack === 'string') return error.stack.slice(0, longestStack)
  } catch {
    // Described below.
  }
  return describeError(error)
}
