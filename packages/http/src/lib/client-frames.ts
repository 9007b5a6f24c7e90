/** How far the frames of one WebSocket's client have been read. */
export interface FrameReading {
  /** In the protocol of engine.io. */
  readonly isEngineIo: boolean
  /** Bytes of the newest frame that are still to come. */
  rest: number
  /** Of a small frame what has come of it: what it is can be told when it is whole. */
  begun: Buffer | undefined
}

/**
 * A `message` waits for an answer of the application, a `notice` for none. A `ping` (or a close) is answered by the library with as many bytes, and a `pong`
 * answers one of as many bytes: so do control frames, and the texts that some protocols have in their place.
 */
export type FrameKind = 'message' | 'ping' | 'pong' | 'notice'

/** Of a frame whose length fits into its second byte: two bytes, the mask and the payload (RFC 6455 §5.2). */
const mostOfSmall = 6 + 125

/** Of tRPC, and of graphql-ws; of engine.io, where a message begins with another digit. */
const heartbeat = /^(?:(ping)|pong|\{"type":"(?:(ping)|pong)"\})$/i
const ofEngineIo = /^(?:(2)|3)$/

/** A heartbeat of STOMP, and the end of a subscription of graphql-ws, which is not confirmed. */
const notice = /^(?:\r?\n|\{"id":"[^"]*","type":"complete"\})$/

/** Calls back for each frame with its kind and the bytes of its payload; of a long one for each of its chunks. */
export function readFrames<R extends FrameReading>(reading: R, chunk: Buffer, onFrame: (reading: R, kind: FrameKind, bytes: number) => void): void {
  const bytes = reading.begun ? Buffer.concat([reading.begun, chunk]) : chunk
  reading.begun = undefined
  let at = reading.rest
  if (at > 0) onFrame(reading, 'message', 0)
  while (at < bytes.length) {
    const payloadAt = at + headOf(bytes, at)
    const end = payloadAt <= bytes.length ? payloadAt + lengthOf(bytes, at) : Infinity
    if (end > bytes.length && (end === Infinity || end - at <= mostOfSmall)) {
      reading.begun = Buffer.from(bytes.subarray(at))
      at = bytes.length
    } else {
      onFrame(reading, kindOf(bytes, at, payloadAt, end, reading.isEngineIo), end - payloadAt)
      at = end
    }
  }
  reading.rest = at - bytes.length
}

/** With the mask, which is the last of it. */
function headOf(bytes: Buffer, at: number): number {
  const second = bytes[at + 1] ?? 0
  const length = second & 0x7f
  return 2 + (length === 126 ? 2 : 0) + (length === 127 ? 8 : 0) + (second & 0x80 ? 4 : 0)
}

function lengthOf(bytes: Buffer, at: number): number {
  const length = (bytes[at + 1] ?? 0) & 0x7f
  if (length === 126) return bytes.readUInt16BE(at + 2)
  return length === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : length
}

function kindOf(bytes: Buffer, at: number, payloadAt: number, end: number, isEngineIo: boolean): FrameKind {
  const first = bytes[at] ?? 0
  if (first & 0x08) return (first & 0x0f) === 0x0a ? 'pong' : 'ping'
  // Part of a message, or compressed.
  if ((first !== 0x81 && first !== 0x82) || end - at > mostOfSmall) return 'message'
  const length = end - payloadAt
  const code = (index: number): number => (bytes[payloadAt + index] ?? 0) ^ (bytes[payloadAt - 4 + (index % 4)] ?? 0)
  // Almost every message is told by its length, or by one of its letters.
  const isCandidate = length <= 4 || (code(0) === 0x7b && (length === 15 || code(length - 3) === 0x65))
  if (!isCandidate) return 'message'
  const text = String.fromCharCode(...Array.from({ length }, (_, index) => code(index)))
  const beat = (isEngineIo && ofEngineIo.exec(text)) || heartbeat.exec(text)
  if (beat) return beat.some((part, index) => index > 0 && part !== undefined) ? 'ping' : 'pong'
  return notice.test(text) ? 'notice' : 'message'
}
