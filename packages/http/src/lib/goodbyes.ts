import type { Socket } from 'node:net'
import { afterFirstWrite } from './after-first-write.ts'
import type { Upgrade } from './connection.ts'
import { arrangeDestroy } from './destroy-when-still.ts'
import type { DrainInput } from './drain-server.ts'

/** Time between two goodbyes, unless told otherwise: ten thousand clients take ten seconds to come back to the others. */
const usualGapMs = 1

export interface Goodbyes {
  /** To an upgraded socket that came too late for the others. */
  say(socket: Socket, upgrade: Upgrade): void
  /** The goodbye has been said, and whoever says it is done. */
  readonly isSaid: (upgrade: Upgrade) => boolean
  /** How many are being said. */
  readonly pending: number
  readonly errors: readonly unknown[]
  /** Says no more. */
  end(): void
}

export interface GoodbyesInput extends Pick<DrainInput, 'connections' | 'lastWords' | 'closeUpgraded' | 'unbegunGraceMs' | 'upgradedSpreadMs' | 'remaining'> {
  readonly later: (ms: number, action: () => void) => void
  /** Called when one has been said. */
  readonly onSaid: () => void
}

/** Tells upgraded sockets and long answers, one after the other, that it is time to go. */
export function sayGoodbyes({ connections, lastWords, closeUpgraded, unbegunGraceMs, upgradedSpreadMs, remaining, later, onSaid }: GoodbyesInput): Goodbyes {
  const begun = new WeakSet<Upgrade>()
  const said = new WeakSet<Upgrade>()
  const errors: unknown[] = []
  let pending = 0
  let over = false
  // In the next turn: a handler that asks for it now may not have written its head.
  const taken = lastWords.take((say) => void setImmediate(() => void run(say)))
  spread()

  function spread(): void {
    const calls = taken.all.map((say) => () => void run(say))
    for (const socket of connections.all()) {
      const connection = connections.of(socket)
      if (connection?.kind !== 'upgraded') continue
      begun.add(connection)
      calls.push(() => void tell(socket, connection))
    }
    const spreadMs = Math.min(upgradedSpreadMs ?? calls.length * usualGapMs, remaining() / 2)
    for (const [index, call] of calls.entries()) later((spreadMs * index) / calls.length, call)
  }

  async function tell(socket: Socket, upgrade: Upgrade): Promise<void> {
    if (over || connections.of(socket) !== upgrade) return
    if (socket.bytesWritten === upgrade.bytesBefore) return afterFirstWrite(upgrade.stream, () => void tell(socket, upgrade))
    arrangeDestroy(socket, upgrade, { longestMs: Math.min(unbegunGraceMs, remaining() / 2), later })
    await run(() => closeUpgraded(upgrade.stream, upgrade.protocol))
    said.add(upgrade)
  }

  async function run(say: () => unknown): Promise<void> {
    if (over) return
    pending += 1
    try {
      await say()
    } catch (error) {
      errors.push(error)
    }
    pending -= 1
    onSaid()
  }

  return {
    say(socket, upgrade) {
      if (begun.has(upgrade)) return
      begun.add(upgrade)
      later(0, () => void tell(socket, upgrade))
    },
    isSaid: (upgrade) => said.has(upgrade),
    get pending() {
      return pending
    },
    errors,
    end() {
      over = true
      taken.end()
    },
  }
}
