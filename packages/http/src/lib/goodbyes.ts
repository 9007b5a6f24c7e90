import type { Socket } from 'node:net'
import { untilIdle } from '@lameduck/core'
import { afterFirstWrite } from './after-first-write.ts'
import type { Upgrade } from './connection.ts'
import { arrangeDestroy } from './destroy-when-still.ts'
import type { DrainInput } from './drain-server.ts'
import { besideAnswers, isUnanswered } from './last-message.ts'

/** Time between two goodbyes, unless told otherwise: ten thousand clients take ten seconds to come back to the others. */
const usualGapMs = 1

/** How long after its last message a client that waits for an answer is left in peace, in ms; most answers take less. */
const answerMs = 2_000

/** How often it is looked whether the answer has been sent, in ms. */
const pauseMs = 16

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

export interface GoodbyesInput
  extends Pick<DrainInput, 'connections' | 'lastWords' | 'closeUpgraded' | 'unbegunGraceMs' | 'upgradedSpreadMs' | 'upgradedWork' | 'remaining' | 'signal'> {
  readonly later: (ms: number, action: () => void) => void
  /** Called when one has been said. */
  readonly onSaid: () => void
}

/**
 * Tells upgraded sockets and long answers, one after the other, that it is time to go. A WebSocket whose client waits for an answer is told
 * behind that, if it comes soon; where the application has said what messages begin, all are told when that is idle.
 */
export function sayGoodbyes(input: GoodbyesInput): Goodbyes {
  const { connections, lastWords, closeUpgraded, unbegunGraceMs, upgradedSpreadMs, upgradedWork, remaining, signal, later, onSaid } = input
  const begun = new WeakSet<Upgrade>()
  const said = new WeakSet<Upgrade>()
  const errors: unknown[] = []
  const over = new AbortController()
  let pending = 0
  // In the next turn: a handler that asks for it now may not have written its head.
  const taken = lastWords.take((say) => void setImmediate(() => void run(say)))
  const answers = taken.all.map((say) => () => void run(say))
  const farewells = [...upgraded()]
  const held = upgradedWork && untilIdle(upgradedWork, AbortSignal.any([signal, over.signal, AbortSignal.timeout(Math.ceil(remaining() / 2))])).catch(() => {})
  if (held) void held.then(() => spread(farewells))
  spread(held ? answers : [...answers, ...farewells])

  function* upgraded(): Generator<() => void> {
    for (const socket of connections.all()) {
      const connection = connections.of(socket)
      if (connection?.kind !== 'upgraded') continue
      begun.add(connection)
      yield () => void tell(socket, connection)
    }
  }

  function spread(calls: readonly (() => void)[]): void {
    const spreadMs = Math.min(upgradedSpreadMs ?? calls.length * usualGapMs, remaining() / 2)
    for (const [index, call] of calls.entries()) later((spreadMs * index) / calls.length, call)
  }

  async function tell(socket: Socket, upgrade: Upgrade, answerBy: number = performance.now() + Math.min(answerMs, remaining() / 2)): Promise<void> {
    if (over.signal.aborted || connections.of(socket) !== upgrade) return
    if (socket.bytesWritten === upgrade.bytesBefore) return afterFirstWrite(upgrade.stream, () => void tell(socket, upgrade))
    if (isUnanswered(upgrade, answerMs) && performance.now() < answerBy) return later(pauseMs, () => void tell(socket, upgrade, answerBy))
    arrangeDestroy(socket, upgrade, { longestMs: Math.min(unbegunGraceMs, remaining() / 2), later })
    await run(() => besideAnswers(upgrade, () => closeUpgraded(upgrade.stream, upgrade.protocol)))
    said.add(upgrade)
  }

  async function run(say: () => unknown): Promise<void> {
    if (over.signal.aborted) return
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
      if (held) void held.then(() => later(0, () => void tell(socket, upgrade)))
      else later(0, () => void tell(socket, upgrade))
    },
    isSaid: (upgrade) => said.has(upgrade),
    get pending() {
      return pending
    },
    errors,
    end() {
      over.abort()
      taken.end()
    },
  }
}
