import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { createTally, type Tally } from '@lameduck/core'
import { abandonedRequest, abandonedStream, endedForHandler, type Abandoned } from './abandoned.ts'
import { atWorkBehind } from './behind-answers.ts'
import { wasBrokenOff } from './broken-off.ts'
import type { Exchange, Stream, Upgrade } from './connection.ts'
import { isEventStream, typeOf, typeOn } from './content-type.ts'
import { describeRequest, describeUnanswered, nameOf, nameOfUpgrade } from './describe-request.ts'
import { hungUp, hungUpOn, isPeers } from './hung-up.ts'
import { isUnanswered } from './unanswered-message.ts'

const unansweredWork = 'upgradedWork had units in hand when clients were told to go, so their answers reach nobody: its work lasts too long, or clients go on asking; let clients ask again after 1001'

/** What became of requests, streams and upgraded sockets since it was made. */
export interface Outcomes {
  answered(exchange: Exchange): void
  /** The connection has closed before the answer was complete. */
  lost(socket: Socket, exchange: Exchange): void
  streamOver(stream: ServerHttp2Stream, about: Stream, on: { readonly session: ServerHttp2Session; readonly socket: Socket }): void
  upgradeOver(socket: Socket, upgrade: Upgrade): void
  /** Units of `upgradedWork` that were in hand when the clients were told to go. */
  unanswered(units: number): void
  cut(units: number): void
  /** How many handlers are at work whose answers have been sent. */
  readonly behindAnswers: () => number
  read(): Tally
}

/**
 * What was answered is done when its handler has ended, where that is known. An answer that this side breaks off has failed. A client that has hung up gave its answer up by itself; but its handler may be in the middle
 * of the work, and until it ends its answer nobody can tell what has become of that. What clients are used to leave is no such answer.
 *
 * What an upgraded socket carries is known to the application alone. It is done when this side has ended it and everything was sent; nobody
 * can tell when this side destroyed it, or when its client's last message has no answer. One on which its client never said anything is a refused handshake, or as an event stream.
 *
 * @param before handlers whose clients had gone when the stop began
 * @param behindAnswers handlers that were at work behind their answers
 */
export function createOutcomes(before: readonly Abandoned[], behindAnswers: readonly Abandoned[]): Outcomes {
  const tally = createTally()
  const abandoned = [...before, ...behindAnswers]
  const atWork = [...behindAnswers]
  tally.begin()

  function abandon(handler: Abandoned | undefined): void {
    if (handler) abandoned.push(handler)
  }

  function answered(name: string, answer: object): void {
    const handler = endedForHandler(name, answer)
    const behind = handler ? undefined : atWorkBehind(name, answer)
    if (behind) atWork.push(behind)
    if (handler ?? behind) abandon(handler ?? behind)
    else tally.done()
  }

  return {
    answered: (exchange) => answered(nameOf(exchange), exchange.response),
    lost(socket, exchange) {
      const { response } = exchange
      if (hungUp(socket, response)) {
        abandon(endedForHandler(nameOf(exchange), response) ?? abandonedRequest(exchange))
      } else if (isEventStream(typeOf(response))) {
        tally.done()
      } else {
        tally.failed(nameOf(exchange), response.errored ?? socket.errored ?? new Error('its connection was closed before the answer was complete'))
      }
    },
    streamOver(stream, about, on) {
      const isSent = !stream.aborted && (stream.writableFinished || isWholeWithoutFinish(stream))
      if (isSent || isEventStream(typeOn(stream))) return answered(describeRequest(about), stream)
      if (hungUpOn(stream, about, on)) return abandon(abandonedStream(about))
      const isConnectionLost = on.session.destroyed || on.socket.destroyed
      const name = describeRequest(about)
      // Destroyed on this side, with nothing that says why.
      if (!stream.aborted && !stream.errored && !isConnectionLost) return tally.unknown(`${name}: it was closed before all of its answer was sent`)
      tally.failed(name, stream.errored ?? new Error('it was closed before the answer was complete'))
    },
    upgradeOver(socket, upgrade) {
      if (socket.bytesWritten === upgrade.bytesBefore) return
      const name = nameOfUpgrade(upgrade)
      const isEnded = socket.writableFinished || upgrade.dismissed
      if ((isEnded || isPeers(socket.errored)) && isUnanswered(upgrade)) tally.unknown(describeUnanswered(upgrade))
      else if (isEnded) tally.done()
      else if (isPeers(socket.errored)) return
      else if (socket.errored && !isCancelled(socket.errored)) tally.failed(name, socket.errored)
      else if (socket.bytesRead === upgrade.bytesReadBefore) tally.done()
      else tally.unknown(`${name}: this side broke it off`)
    },
    unanswered: (units) => tally.unknown(unansweredWork, units),
    cut: (units) => tally.cut(units),
    behindAnswers: () => atWork.filter(({ hasEnded }) => !hasEnded()).length,
    read() {
      const counted = tally.read()
      const open = abandoned.filter(({ hasEnded }) => !hasEnded())
      const reasons = [...counted.reasons, ...countTexts(open.map(({ why }) => why()))]
      return { ...counted, done: counted.done + abandoned.length - open.length, unknown: counted.unknown + open.length, reasons }
    },
  }
}

/**
 * A stream whose request has been read to its end is closed before Node tells that its answer has been written. Without a reset, and with nobody who
 * broke it off, it was closed because both sides had ended it.
 */
function isWholeWithoutFinish(stream: ServerHttp2Stream): boolean {
  return stream.writableEnded && stream.rstCode === 0 && !stream.errored && !wasBrokenOff(stream)
}

/** As a tally does it. */
function countTexts(texts: readonly string[]): string[] {
  const times = new Map<string, number>()
  for (const text of texts) times.set(text, (times.get(text) ?? 0) + 1)
  return [...times].map(([text, count]) => (count > 1 ? `${text} (×${count})` : text))
}

/** The write that was under way when somebody destroyed the socket without an error: Node tells of it from 22 on. */
function isCancelled({ code }: Error & { readonly code?: string }): boolean {
  return code === 'ECANCELED'
}
