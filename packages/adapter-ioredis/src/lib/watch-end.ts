import { internalsOf } from './client-internals.ts'
import type { RedisClient } from './redis-client.ts'

/**
 * Calls back when the client ends by itself: its `retryStrategy` has given up, so that no command will ever be sent again. Not when
 * somebody closed it, by `quit` or `disconnect()`, until it is connected again.
 */
export function watchEnd(client: RedisClient, ended: (why: unknown) => void): void {
  const internals = internalsOf(client)
  let manuallyClosing = internals.manuallyClosing ?? false
  let isClosedByHand = manuallyClosing
  // ioredis forgets it before it tells of the end.
  Object.defineProperty(internals, 'manuallyClosing', {
    configurable: true,
    enumerable: true,
    get: () => manuallyClosing,
    set(value: boolean) {
      manuallyClosing = value
      if (value) isClosedByHand = true
    },
  })
  client.on('connecting', () => (isClosedByHand = false))
  const tell = (): void => {
    if (!isClosedByHand) ended('it has given up connecting (its retryStrategy), and no command will be sent again')
  }
  client.on('end', tell)
  if (client.status === 'end') tell()
}
