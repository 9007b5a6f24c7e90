import { LifecycleError, requireMs, requireOptions, show, type Resource } from '@lameduck/core'

/** What every resource of this package can be given. */
export interface KafkaResourceOptions {
  /** Unique in one lifecycle. @default `kafka-consumer`, `kafka-producer`, `kafka-admin` */
  readonly name?: string
  /** Longest time that the drain may take, in ms. @default the policy's value for the phase */
  readonly timeoutMs?: number
  /** Time that is guaranteed to the drain, in ms. @default the policy's value for the phase */
  readonly reserveMs?: number
  /** Longest time that a force may take, in ms; it awaits nothing. @default the policy's `forceMs` (100) */
  readonly forceMs?: number
}

/** The options as members of a Resource, checked; `others` are those that the resource has beside them. */
export function resourceMembers(options: KafkaResourceOptions, defaultName: string, others: readonly string[] = []): Pick<Resource, 'name' | 'timeoutMs' | 'reserveMs' | 'forceMs'> {
  const names = ['name', 'timeoutMs', 'reserveMs', 'forceMs', ...others].map((each) => [each, true])
  requireOptions<object>(options, Object.fromEntries(names) as object, defaultName)
  const { name = defaultName, timeoutMs, reserveMs, forceMs } = options
  if (typeof name !== 'string' || name === '') throw new LifecycleError('invalid-option', `${defaultName}: name must be a text; it is ${show(name)}`)
  return {
    name,
    ...(timeoutMs === undefined ? {} : { timeoutMs: requireMs(timeoutMs, `${name}: timeoutMs`, 1) }),
    ...(reserveMs === undefined ? {} : { reserveMs: requireMs(reserveMs, `${name}: reserveMs`) }),
    ...(forceMs === undefined ? {} : { forceMs: requireMs(forceMs, `${name}: forceMs`, 1) }),
  }
}
