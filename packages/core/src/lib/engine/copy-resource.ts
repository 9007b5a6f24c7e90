import { describeError } from '../describe-value.ts'
import { LifecycleError } from '../errors.ts'
import type { Resource } from '../resource.ts'

const fields = ['name', 'phase', 'drainFrom', 'timeoutMs', 'reserveMs', 'forceMs'] as const
const methods = ['start', 'check', 'watch', 'preStop', 'quiesce', 'inFlight', 'lastArrival', 'behind', 'waitingFor', 'tally', 'unfinished', 'drain', 'force'] as const

export interface ResourceCopy {
  readonly resource: Resource
  /** Its own `tally`, by which errors are known that it has counted. */
  readonly givenTally: unknown
}

/**
 * A resource as it is when it is added: each member is read once, so that a stop reads what was checked. Only `warnings` is read each time.
 *
 * @throws LifecycleError `invalid-resource` for a member that cannot be read, and for one whose name differs from that of a member in its case
 *   alone: other members are the resource's own.
 */
export function copyResource(given: Resource): ResourceCopy {
  refuseLikeness(given)
  let givenTally: unknown
  const copy: Partial<Record<keyof Resource, unknown>> = {}
  for (const field of fields) copy[field] = read(given, field)
  for (const method of methods) {
    const value: unknown = read(given, method)
    copy[method] = typeof value === 'function' ? (value.bind(given) as unknown) : value
    if (method === 'tally') givenTally = value
  }
  Object.defineProperty(copy, 'warnings', { get: () => given.warnings })
  return { resource: copy as unknown as Resource, givenTally }
}

function read(given: Resource, member: keyof Resource): unknown {
  try {
    return given[member]
  } catch (error) {
    throw new LifecycleError('invalid-resource', `a resource's ${member} cannot be read: ${describeError(error)}`)
  }
}

const known: ReadonlySet<string> = new Set([...fields, ...methods, 'warnings', 'constructor'])
const byPlainName: ReadonlyMap<string, string> = new Map([...fields, ...methods, 'warnings'].map((member) => [plain(member), member]))

/** `inflight` would never be asked. What begins with `_` is a field of the resource's own, which its member reads. */
function refuseLikeness(given: Resource): void {
  for (const name of namesOf(given)) {
    const meant = known.has(name) || name.startsWith('_') ? undefined : byPlainName.get(plain(name))
    if (meant !== undefined) throw new LifecycleError('invalid-resource', `a resource has no ${name}; did you mean ${meant}?`)
  }
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[-_]/g, '')
}

/** Its own, and those of its class. */
function namesOf(given: object): string[] {
  const prototype = Object.getPrototypeOf(given) as object | null
  const own = Object.keys(given)
  return prototype === null || prototype === Object.prototype ? own : [...own, ...Object.getOwnPropertyNames(prototype)]
}
