/** SQLSTATEs with which the server ends the session: nobody can tell then what became of a COMMIT. */
const lastWords = /^(?:08|57P0|25P03|25P04)/

/** Whether the server has answered with this error, and the session goes on: a duplicate key is an answer, a shutdown of the server or a lost connection is none. */
export function isAnswer(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false
  const { severity, code } = error as { readonly severity?: unknown; readonly code?: unknown }
  // The severity is in the server's language; the code of a socket's error has none beside it.
  return typeof severity === 'string' && typeof code === 'string' && !['FATAL', 'PANIC'].includes(severity) && !lastWords.test(code)
}

/** For a report, and to be taken at once: Knex puts the query, with the values that were in it, into the message of the same error. */
export function messageOf(error: unknown): unknown {
  return error instanceof Error ? error.message : error
}
