import type { RedisClient } from './redis-client.ts'

const statuses = ['ready', 'close', 'reconnecting', 'connecting', 'connect', 'end', 'wait', 'disconnecting', 'monitoring']

export interface Loss {
  /** Aborts when the client has been without its connection for `reconnectMs`; the reason says so. */
  readonly signal: AbortSignal
  end(): void
}

/** Watches whether a client has its connection, each time it is lost anew; one that has ended gets it back never. */
export function watchLoss(client: RedisClient, reconnectMs: number): Loss {
  const lost = new AbortController()
  let timer: NodeJS.Timeout | undefined
  look()
  for (const status of statuses) client.on(status, look)
  return {
    signal: lost.signal,
    end() {
      clearTimeout(timer)
      for (const status of statuses) client.off(status, look)
    },
  }

  function look(): void {
    if (client.status === 'ready' || client.status === 'monitoring') {
      clearTimeout(timer)
      timer = undefined
      return
    }
    const isOver = client.status === 'end'
    if (isOver) clearTimeout(timer)
    // A turn later: ioredis rejects what it gives up by itself when it has ended.
    if (isOver || !timer) timer = setTimeout(giveUp, isOver ? 0 : reconnectMs)
  }

  function giveUp(): void {
    lost.abort(client.status === 'end' ? 'the client has ended' : `the client was still "${client.status}" after ${reconnectMs} ms`)
  }
}
