import type { Socket } from 'node:net'
import { recentMs } from '@lameduck/core'
import { afterFirstWrite } from './after-first-write.ts'
import { createAnswerWaits } from './answer-waits.ts'
import { answersMessages } from './answers-messages.ts'
import { closeUpgraded as closeUpgradedByDefault } from './close-upgraded.ts'
import type { Upgrade } from './connection.ts'
import { arrangeDestroy } from './destroy-when-still.ts'
import type { DrainInput } from './drain-server.ts'
import { holdForWork } from './hold-for-work.ts'
import { besideAnswers, hasLastWord, isUnanswered } from './unanswered-message.ts'

/** Time between two goodbyes, unless told otherwise: ten thousand clients take ten seconds to come back to the others. */
const usualGapMs = 1

/** How long after its last message a client that waits for an answer is left in peace, in ms; most answers take less. */
const answerMs = 2_000

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
  extends Pick<DrainInput, 'connections' | 'longAnswers' | 'closeUpgraded' | 'unbegunGraceMs' | 'upgradedSpreadMs' | 'upgradedWork' | 'onUnanswered' | 'remaining' | 'signal'> {
  readonly later: (ms: number, action: () => void) => void
  /** Called when one has been said. */
  readonly onSaid: () => void
}

/**
 * Tells upgraded sockets and long answers, one after the other, that it is time to go. A WebSocket whose client waits for an answer is told
 * behind that, if it comes soon; where the application has said what messages begin, all are told when that is idle.
 */
export function sayGoodbyes(input: GoodbyesInput): Goodbyes {
  const { connections, longAnswers, closeUpgraded, unbegunGraceMs, upgradedSpreadMs, upgradedWork, onUnanswered, remaining, signal, later, onSaid } = input
  const begun = new WeakSet<Upgrade>()
  const said = new WeakSet<Upgrade>()
  const errors: unknown[] = []
  const over = new AbortController()
  let pending = 0
  // In the next turn: a handler that asks for it now may not have written its head.
  const taken = longAnswers.take((say) => void setImmediate(() => void run(say)))
  const answers = taken.all.map((say) => () => void run(say))
  const open = [...upgraded()]
  for (const [, upgrade] of open) begun.add(upgrade)
  const whenAnswered = createAnswerWaits(later)
  const areAnswered = answersMessages(open.map(([, upgrade]) => upgrade))
  const farewells = open.map(([socket, upgrade]) => () => void tell(socket, upgrade))
  const held =
    upgradedWork &&
    holdForWork(upgradedWork, { longestMs: remaining() / 2, signal: AbortSignal.any([signal, over.signal]), onError: (error) => errors.push(error), onUnanswered })
  if (held) void held.over.then(() => spread(farewells))
  spread(held ? answers : [...answers, ...farewells])

  function* upgraded(): Generator<[Socket, Upgrade]> {
    for (const socket of connections.all()) {
      const connection = connections.of(socket)
      if (connection?.kind === 'upgraded') yield [socket, connection]
    }
  }

  function spread(calls: readonly (() => void)[]): void {
    const spreadMs = Math.min(upgradedSpreadMs ?? calls.length * usualGapMs, remaining() / 2)
    for (const [index, call] of calls.entries()) later((spreadMs * index) / calls.length, call)
  }

  async function tell(socket: Socket, upgrade: Upgrade): Promise<void> {
    if (over.signal.aborted || connections.of(socket) !== upgrade) return
    if (socket.bytesWritten === upgrade.bytesBefore) return afterFirstWrite(upgrade.stream, () => void tell(socket, upgrade))
    const answerBy = performance.now() + Math.min(answerMs, remaining() / 2)
    const isOver = (): boolean => !isWaiting(upgrade, answerMs) || performance.now() >= answerBy
    if (isOver()) await sayTo(socket, upgrade)
    else whenAnswered(isOver, () => void sayTo(socket, upgrade))
  }

  function isWaiting(upgrade: Upgrade, withinMs: number): boolean {
    return areAnswered && (held ? hasLastWord(upgrade, withinMs) && held.isAtWork() : isUnanswered(upgrade, withinMs))
  }

  async function sayTo(socket: Socket, upgrade: Upgrade): Promise<void> {
    if (over.signal.aborted || connections.of(socket) !== upgrade) return
    arrangeDestroy(socket, upgrade, { longestMs: Math.min(unbegunGraceMs, remaining() / 2), later })
    if (held && areAnswered) whenDeaf(socket, upgrade, () => held.clientGone(isWaiting(upgrade, recentMs)))
    await run(() => besideAnswers(upgrade, () => closeUpgraded(upgrade.stream, upgrade.protocol)))
    said.add(upgrade)
  }

  /** What is sent behind a close frame is read by no client. One of the application's own may leave it open for the last answers. */
  function whenDeaf(socket: Socket, { stream }: Upgrade, then: () => void): void {
    // What is piped is answered by somebody else.
    if (stream.listenerCount('unpipe') > 0) return
    if (closeUpgraded === closeUpgradedByDefault) then()
    // Before the drain hears of it, which may be over by that.
    else socket.prependOnceListener('close', then)
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
      if (held) void held.over.then(() => later(0, () => void tell(socket, upgrade)))
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
