import { connect, createServer, type Http2ServerResponse } from 'node:http2'
import type * as http from '@lameduck/http'
import type { Input } from '../input.ts'
import type { Target } from '../target.ts'
import { portOf, stopOnTheWire, type WireStop } from '../wire-stop.ts'

type Http = typeof http

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
/** `:method GET`, `:scheme http`, `:path /`, `:authority a`, from HPACK's static table. */
const headers = Buffer.from([0x82, 0x86, 0x84, 0x41, 0x01, 0x61])
const kinds = { data: 0, headers: 1, priority: 2, reset: 3, settings: 4, push: 5, ping: 6, goAway: 7, window: 8, continuation: 9 }

/** Frames on connections of a server of node:http2 that drains. */
export const http2: Target = {
  name: 'http2',
  promise: 'any frames on any connections, floods too: the stop ends by its deadline, the stream in flight is answered and counted, and clean leaves nothing unanswered',
  async open(load) {
    const { httpServer } = await load<Http>('http/dist/index.js')
    return (input) => stopOnTheWire(load, input, service(httpServer))
  },
  mutants: [
    { name: 'destroys-sessions', file: 'http/dist/lib/sweep.js', find: 'export function sweep(input) {', replace: 'export function sweep(input) {\n    for (const handle of process._getActiveHandles()) if (handle.server === input.server) handle.destroy();' },
  ],
}

function next(input: Input): Buffer {
  const way = input.below(12)
  const id = 1 + 2 * input.below(6)
  if (way === 0) return input.bytes(1 + input.below(20))
  if (way < 4) return Buffer.concat([preface, frame(kinds.settings, 0, 0, Buffer.alloc(0))])
  if (way < 7) return frame(kinds.headers, input.pick([0x05, 0x04, 0x01, 0x00]), id, headers)
  const one = frame(input.pick([...Object.values(kinds), input.byte()]), input.pick([0, 1, 4, 5, 8, input.byte()]), input.pick([0, id, 0x7f_ff_ff_ff]), payload(input))
  // Rapid reset, and the floods of SETTINGS, PING and CONTINUATION.
  const repeated = way === 11 ? Buffer.concat([frame(kinds.headers, 0x05, id, headers), frame(kinds.reset, 0, id, Buffer.from([0, 0, 0, 8]))]) : one
  return Buffer.concat(Array.from({ length: input.pick([1, 1, 1, 200]) }, () => repeated))
}

function payload(input: Input): Buffer {
  return input.pick([Buffer.alloc(0), Buffer.alloc(4, 1), Buffer.alloc(8), headers, Buffer.from([0, 4, 0, 0, 0, 0]), Buffer.from([0, 3, 0, 0, 0, 0]), Buffer.alloc(300, 0x61), input.bytes(input.below(12))])
}

function frame(kind: number, flags: number, stream: number, body: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(body.length, 0, 3)
  head.writeUInt8(kind, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, body])
}

function service(httpServer: Http['httpServer']): WireStop {
  const open = new Set<Http2ServerResponse>()
  let begun = (): void => {}
  let answer = (): void => {}
  const server = createServer((request, response) => {
    open.add(response)
    response.on('close', () => open.delete(response)).on('error', () => {})
    request.on('error', () => {})
    if (request.url === '/good') {
      answer = () => void response.end('done')
      return begun()
    }
    setTimeout(() => response.stream.destroyed || response.end('done'), 30)
  })
  server.on('sessionError', () => {})
  return {
    serve: () => ({ resource: httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }), port: () => portOf(server) }),
    next,
    unanswered: () => [...open].filter((response) => !response.writableEnded && response.stream.session?.destroyed === false).length,
    good: (port) =>
      new Promise((resolve) => {
        const session = connect(`http://127.0.0.1:${port}`)
        session.on('error', () => {})
        const answered = new Promise<boolean>((settle) => {
          const stream = session.request({ ':path': '/good' })
          let text = ''
          stream.on('data', (chunk: Buffer) => (text += chunk.toString())).on('error', () => settle(false)).on('close', () => settle(text === 'done'))
        })
        begun = () => resolve({ answered, answer, close: () => session.destroy() })
      }),
  }
}
