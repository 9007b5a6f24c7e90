import { describeStack, describeValue } from '../describe-value.ts'
import { LifecycleError } from '../errors.ts'
import { fitJson } from './fit-json.ts'
import { worstFirst, type Report } from './report.ts'

/** Container runtimes cut a line of a log after 16 KiB, in the middle of the JSON. */
const longestLine = 16_000

/** No more than this many fit anyway: the shortest step has 200 bytes. */
const mostSteps = 80

/**
 * The report as one JSON line of at most 16,000 bytes. Where all of it is more, the texts are shortened to 300 characters, and
 * the steps that do not fit are left out, the ones that went well first; `omitted` says how many. Everything in it is plain data but the error of a fatal reason.
 */
export function reportLine(report: Report): string {
  const { reason, steps, ...rest } = report
  const head = (depth: number): object => ({
    lameduck: 'report',
    ...rest,
    reason: reason.kind === 'fatal' ? { ...reason, error: describeForJson(reason.error, depth) } : reason,
  })
  if (steps.length <= mostSteps) {
    const whole = JSON.stringify({ ...head(3), steps })
    if (Buffer.byteLength(whole) <= longestLine) return whole
  }
  const bounded = { ...head(1), errors: rest.errors.slice(0, 5), warnings: rest.warnings.slice(0, 5) }
  return fitJson(bounded, 'steps', worstFirst(steps), longestLine)
}

/**
 * Name, message, stack and causes, and no other property: clients hang requests with their secrets on errors. Where a
 * mistake of configuration was thrown tells nothing that its message does not, so its stack is left out.
 */
function describeForJson(error: unknown, depth: number): unknown {
  try {
    return describeParts(error, depth)
  } catch {
    return describeValue(error)
  }
}

function describeParts(error: unknown, depth: number): unknown {
  if (!(error instanceof Error)) return describeValue(error)
  const { cause } = error
  const inner: unknown = error instanceof AggregateError ? error.errors : undefined
  return {
    name: describeValue(error.name),
    message: describeValue(error.message),
    ...(error instanceof LifecycleError ? { code: error.code } : { stack: describeStack(error) }),
    ...(cause !== undefined && depth > 0 ? { cause: describeForJson(cause, depth - 1) } : {}),
    ...(Array.isArray(inner) && inner.length > 0 && depth > 0 ? { errors: inner.slice(0, 10).map((each) => describeForJson(each, depth - 1)) } : {}),
  }
}
