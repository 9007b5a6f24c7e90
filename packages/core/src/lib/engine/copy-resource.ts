import { describeError } from '../describe-value.ts'
import { LifecycleError } from '../errors.ts'
import type { Resource } from '../resource.ts'

const fields = ['name', 'phase', 'drainFrom', 'timeoutMs', 'reserveMs', 'forceMs'] as const
const methods = ['start', 'check', 'watch', 'preStop', 'quiesce', 'inFlight', 'lastArrival', 'behind', 'waitingFor', 'tally', 'unfinished', 'drain', 'force'] as const

/**
 * A resource as it is when it is added: each member is read once, so that a stop reads what was checked. Only `warnings` is read each time.
 *
 * @throws LifecycleError `invalid-resource` for a member that cannot be read.
 */
export function copyResource(given: Resource): Resource {
  const copy: Partial<Record<keyof Resource, unknown>> = {}
  for (const field of fields) copy[field] = read(given, field)
  for (const method of methods) {
    const value: unknown = read(given, method)
    copy[method] = typeof value === 'function' ? (value.bind(given) as unknown) : value
  }
  Object.defineProperty(copy, 'warnings', { get: () => given.warnings })
  return copy as unknown as Resource
}

function read(given: Resource, member: keyof Resource): unknown {
  try {
    return given[member]
  } catch (error) {
    throw new LifecycleError('invalid-resource', `a resource's ${member} cannot be read: ${describeError(error)}`)
  }
}
