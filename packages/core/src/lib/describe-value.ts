/** Anything as one line of text; also what `String()` refuses (an object without a prototype, a `toString` that throws). */
export function describeValue(value: unknown): string {
  return oneLine(attempt(() => (value instanceof Error ? value.message : String(value))))
}

/** An error as one line of text, with its name where that tells something. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return describeValue(error)
  return oneLine(attempt(() => (error.name === 'Error' || error.name === 'LifecycleError' ? error.message : `${error.name}: ${error.message}`)))
}

function attempt(text: () => string): string {
  try {
    return text()
  } catch {
    return 'a value that cannot be shown'
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ')
}
