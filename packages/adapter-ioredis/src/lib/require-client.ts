import { LifecycleError, show } from '@lameduck/core'

/** @throws LifecycleError `invalid-resource` when `client` is no client of ioredis */
export function requireClient(client: unknown, where: string): void {
  const has = (key: string, type: string): boolean => typeof client === 'object' && client !== null && typeof Reflect.get(client, key) === type
  if (has('status', 'string') && has('quit', 'function') && has('disconnect', 'function') && has('call', 'function') && has('options', 'object')) return
  throw new LifecycleError('invalid-resource', `${where}() takes a Redis or Cluster of ioredis; it was given ${show(client)}. A client of the package redis is another one.`)
}
