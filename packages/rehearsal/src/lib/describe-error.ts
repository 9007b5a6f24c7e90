import { inspect } from 'node:util'

/** What was thrown, as text: never empty, whatever it is. The message of an error has its code, unless it says it already. */
export function describeError(error: unknown): string {
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
    if (error instanceof Error && typeof error.stack === 'string') return error.stack
  } catch {
    // Described below.
  }
  return describeError(error)
}
