import { oneLine, severalLines } from './foreign-text.ts'

/** Anything as one line of text of at most 2,000 characters; also what `String()` refuses (a `toString` that throws), or says nothing of (`[object Object]`). */
export function describeValue(value: unknown): string {
  return oneLine(attempt(() => (value instanceof Error ? value.message : textOf(value))))
}

/** An error as one line of text, with its name where that tells something. */
export function describeError(error: unknown): string {
  return oneLine(
    attempt(() => {
      if (!(error instanceof Error)) return textOf(error)
      return error.name === 'Error' || error.name === 'LifecycleError' ? error.message : `${error.name}: ${error.message}`
    }),
  )
}

/** An error with its stack, as Node prints it, in at most 16,000 characters; anything else with its type. */
export function describeStack(error: unknown): string {
  const stack = attempt(() => (error instanceof Error ? String(error.stack ?? error) : `${describeValue(error)} (${error === null ? 'null' : typeof error})`))
  return stack === unshowable ? describeError(error) : severalLines(stack)
}

const mostListed = 5

/** As `String()` has it; where that is `[object Object]`, the class, or the keys of a plain object. Not their values, which may be secrets. */
function textOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  // Its text would be as long as it.
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} of ${value.byteLength} bytes`
  if (Array.isArray(value)) return `[${listed(value, (each) => (Array.isArray(each) ? '[…]' : describeValue(each)))}]`
  // A null prototype has no text, which `String()` says by throwing.
  if (value.toString !== Object.prototype.toString) return String(value as unknown)
  const { name } = value.constructor as { readonly name?: unknown }
  if (typeof name === 'string' && name !== '' && name !== 'Object') return name
  const keys = Object.keys(value)
  return keys.length === 0 ? '{}' : `{ ${listed(keys, String)} }`
}

function listed<T>(all: readonly T[], text: (each: T) => string): string {
  return [...all.slice(0, mostListed).map(text), ...(all.length > mostListed ? ['…'] : [])].join(', ')
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
