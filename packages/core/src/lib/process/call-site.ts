/** Frames that are looked at: a caller may be behind the wrappers of several tools. */
const mostFrames = 50

/**
 * Who has called `process.exit`, for a listener of `exit`: the function and its file. Nothing where no code of the service is on the stack (a
 * timer or a tick that was given `process.exit` itself).
 */
export function callerOfExit(): string | undefined {
  return callerOf(stackOf(callerOfExit), /^(?:[\w$.]+\.)?(?:exit|reallyExit) \(node:/)
}

/** Where the listener is added that `newListener` has just told of. */
export function callerOfAdding(): string | undefined {
  return callerOf(stackOf(callerOfAdding), /\((node:)?events[:.]/)
}

/** Who has called this function. */
export function callerOfCall(called: (...parameters: never[]) => unknown): string | undefined {
  return stackOf(called).find(isOfTheService)
}

/**
 * The first frame outside Node.js behind the last one in a row that `isCall` accepts.
 *
 * @param stack lines of `Error.stack` without their `at`
 */
export function callerOf(stack: readonly string[], isCall: RegExp): string | undefined {
  const first = stack.findIndex((frame) => isCall.test(frame))
  if (first < 0) return undefined
  return stack.slice(first).find((frame) => !isCall.test(frame) && isOfTheService(frame))
}

function isOfTheService(frame: string): boolean {
  return !/(^|\()(node:|native\b|<anonymous>)/.test(frame)
}

function stackOf(above: (...parameters: never[]) => unknown): string[] {
  const { stackTraceLimit } = Error
  const holder: { stack?: unknown } = {}
  try {
    Error.stackTraceLimit = mostFrames
    Error.captureStackTrace(holder, above)
    const text: unknown = holder.stack
    // A tool may give something else than text.
    return typeof text === 'string' ? text.split('\n').flatMap((line) => /^\s*at (?:async )?(.*)$/.exec(line)?.[1] ?? []) : []
  } catch {
    return []
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}
