/** Anything as one line of text; also what `String()` refuses (an object without a prototype, a `toString` that throws). */
export function describeValue(value: unknown): string {
  return oneLine(attempt(() => (value instanceof Error ? value.message : String(value))))
}

/** An error as one line of text, with its name where that tells something. */
export function describeError(error: unknown): string {
  return oneLine(
    attempt(() => {
      if (!(error instanceof Error)) return String(error)
      return error.name === 'Error' || error.name === 'LifecycleError' ? error.message : `${error.name}: ${error.message}`
    }),
  )
}

/** An error with its stack, as Node prints it; anything else with its type. */
export function describeStack(error: unknown): string {
  const stack = attempt(() => (error instanceof Error ? String(error.stack ?? error) : `${describeValue(error)} (${error === null ? 'null' : typeof error})`))
  return stack === unshowable ? describeError(error) : stack
}

const unshowable = 'a value that cannot be shown'

/** Everything about a foreign value may throw, `instanceof` and `stack` too. */
function attempt(text: () => string): string {
  try {
    return String(text())
  } catch {
    return unshowable
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ')
}
