import type { Input } from '../input.ts'
import type { Target } from '../target.ts'

interface Reading {
  readonly isEngineIo: boolean
  rest: number
  begun: Buffer | undefined
}
interface Frames {
  readonly readFrames: (reading: Reading, chunk: Buffer, onFrame: (reading: Reading, kind: string, bytes: number) => void) => void
}

const mostOfSmall = 6 + 125
const texts = ['ping', 'PONG', 'pong', '{"type":"ping"}', '{"type":"pong"}', '{"id":"1","type":"complete"}', '2', '3', '4x', '\n', '\r\n', '', 'hello']

/** WebSocket frames in any chunking, compared with a reader that has all bytes at once. */
export const frames: Target = {
  name: 'frames',
  promise: 'any bytes in any chunking are the same frames as read at once; nothing throws, and no more than one small frame is kept',
  async open(load) {
    const { readFrames } = await load<Frames>('http/dist/lib/client-frames.js')
    return (input) => {
      const isEngineIo = input.below(2) === 1
      const cuts = Array.from({ length: input.below(8) }, () => input.below(300))
      const bytes = stream(input)
      const reading: Reading = { isEngineIo, rest: 0, begun: undefined }
      const found: string[] = []
      for (const chunk of chunksOf(bytes, cuts)) {
        // The first call is for a frame that was told before.
        let isOld = reading.rest > 0
        readFrames(reading, chunk, (_, kind, length) => {
          if (!isOld) found.push(`${kind} ${length}`)
          isOld = false
        })
        if ((reading.begun?.length ?? 0) > mostOfSmall) return `${reading.begun?.length} bytes are kept`
      }
      const { frames: expected, isWhole } = readAtOnce(bytes, isEngineIo)
      const at = Math.max(expected.findIndex((each, index) => each !== found[index]), isWhole && found.length > expected.length ? expected.length : -1)
      return at < 0 ? undefined : `frame ${at} of ${bytes.toString('hex')} cut at ${cuts.join(', ')} is "${found[at]}", and at once "${expected[at]}"`
    }
  },
  mutants: [
    { name: 'forgets-the-mask', file: 'http/dist/lib/client-frames.js', find: '(second & 0x80 ? 4 : 0)', replace: '(length < 126 && second & 0x80 ? 4 : 0)' },
    { name: 'forgets-what-has-begun', file: 'http/dist/lib/client-frames.js', find: 'reading.begun ? Buffer.concat([reading.begun, chunk]) : chunk', replace: 'chunk' },
    { name: 'pong-is-ping', file: 'http/dist/lib/client-frames.js', find: '=== 0x0a', replace: '=== 0x09' },
  ],
}

/** Always masked, as those of clients are. */
function stream(input: Input): Buffer {
  const parts: Buffer[] = []
  while (!input.isOver) {
    if (input.below(5) === 0) {
      parts.push(input.bytes(1 + input.below(12)))
      continue
    }
    const payload = input.below(3) ? Buffer.from(input.pick(texts)) : Buffer.alloc(input.below(300), 0x61)
    const first = input.pick([0x81, 0x82, 0x01, 0x80, 0x88, 0x89, 0x8a, 0xc1, input.byte()])
    const mask = input.bytes(4)
    const key = Buffer.concat([mask, Buffer.alloc(4 - mask.length)])
    const length = payload.length < 126 ? Buffer.from([0x80 | payload.length]) : Buffer.from([0x80 | 126, payload.length >> 8, payload.length & 0xff])
    parts.push(Buffer.from([first]), length, key, Buffer.from(payload.map((code, index) => code ^ (key[index % 4] ?? 0))))
  }
  return Buffer.concat(parts)
}

function chunksOf(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const edges = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b), bytes.length]
  return edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge))
}

/** RFC 6455 §5.2, word by word. */
function readAtOnce(bytes: Buffer, isEngineIo: boolean): { readonly frames: readonly string[]; readonly isWhole: boolean } {
  const found: string[] = []
  for (let at = 0; at + 2 <= bytes.length; ) {
    const [first = 0, second = 0] = bytes.subarray(at)
    const short = second & 0x7f
    const extended = short === 126 ? 2 : short === 127 ? 8 : 0
    const isMasked = second >= 0x80
    const payloadAt = at + 2 + extended + (isMasked ? 4 : 0)
    if (payloadAt > bytes.length) break
    const length = short === 126 ? bytes.readUInt16BE(at + 2) : short === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : short
    const end = payloadAt + length
    const isSmall = end - at <= mostOfSmall
    if (isSmall && end > bytes.length) break
    // What a client does not mask ends the connection, whatever it is taken for.
    if (!isMasked) return { frames: found, isWhole: false }
    const text = isSmall ? Buffer.from(bytes.subarray(payloadAt, end).map((code, index) => code ^ (bytes[payloadAt - 4 + (index % 4)] ?? 0))).toString('latin1') : undefined
    found.push(`${kindOf(first, text, isEngineIo)} ${length}`)
    at = end
  }
  return { frames: found, isWhole: true }
}

function kindOf(first: number, text: string | undefined, isEngineIo: boolean): string {
  const opcode = first & 0x0f
  if (opcode >= 8) return opcode === 10 ? 'pong' : 'ping'
  if (text === undefined || (first !== 0x81 && first !== 0x82)) return 'message'
  const lower = text.toLowerCase()
  if (lower === 'ping' || lower === '{"type":"ping"}' || (isEngineIo && text === '2')) return 'ping'
  if (lower === 'pong' || lower === '{"type":"pong"}' || (isEngineIo && text === '3')) return 'pong'
  return text === '\n' || text === '\r\n' || /^\{"id":"[^"]*","type":"complete"\}$/.test(text) ? 'notice' : 'message'
}
