import { LifecycleError, show } from '@lameduck/core'

/** Throws unless `value` is a port to listen on. @param option as the user wrote it */
export function requirePort(value: unknown, option: string = 'port'): void {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 65_535) return
  throw new LifecycleError('invalid-option', `${option} must be a whole number from 0 to 65535; it is ${show(value)}`)
}
