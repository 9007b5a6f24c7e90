import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import type * as http from '@lameduck/http'
import type { Socket } from 'node:net'
import type { Input } from '../input.ts'
import type { Target } from '../target.ts'
import { portOf, stopOnTheWire, type WireStop } from '../wire-stop.ts'

type Http = typeof http

const pieces = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'GET /later HTTP/1.1\r\nHost: a\r\n\r\n', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n', 'hello', 'HEAD / HTTP/1.0\r\n\r\n',
  'POST /later HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n', '5\r\nhello\r\n', '0\r\n\r\n', 'fffffffff\r\n', 'Expect: 100-continue\r\n', 'Connection: close\r\n', 'Connection: keep-alive\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n', '\x81\x84\x00\x00\x00\x00ping',
  'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '\r\n', 'GET ', `X: ${'y'.repeat(20_000)}\r\n`, '\x16\x03\x01\x02\x00\x01', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', 'GET /never HTTP/1.1\r\nHost: a\r\n\r\n',
].map((piece) => Buffer.from(piece, 'latin1'))

/** Bytes on sockets of a server of node:http that drains. */
export const http1: Target = {
  name: 'http1',
  promise: 'any bytes on any sockets: the stop ends by its deadline, the request in flight is answered and counted, and clean leaves nothing unanswered',
  async open(load) {
    const { httpServer } = await load<Http>('http/dist/index.js')
    return (input) => stopOnTheWire(load, input, service(httpServer))
  },
  mutants: [
    { name: 'cuts-what-is-busy', file: 'http/dist/lib/sweep.js', find: 'export function sweep(input) {', replace: 'export function sweep(input) {\n    input.server.closeAllConnections?.();' },
    { name: 'waits-for-ever', file: 'http/dist/lib/drain-server.js', find: 'connections.announceClose(true);', replace: 'while (true) if (performance.now() % 4e9 > input.until + 3e3) break; else input.until ??= performance.now();' },
  ],
}

function service(httpServer: Http['httpServer']): WireStop {
  const open = new Set<ServerResponse>()
  let begun = (): void => {}
  let answer = (): void => {}
  const server = createServer((request: IncomingMessage, response) => {
    open.add(response)
    response.on('close', () => open.delete(response))
    if (request.url === '/good') {
      answer = () => void response.end('done')
      return begun()
    }
    if (request.url === '/never') return
    request.resume()
    setTimeout(() => response.end('done'), request.url === '/' ? 0 : 30)
  })
  server.on('upgrade', (_, socket: Socket) => {
    socket.on('error', () => {})
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    socket.on('data', () => {}).on('end', () => socket.end())
  })
  return {
    serve: () => ({ resource: httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }), port: () => portOf(server) }),
    next: (input: Input) => (input.below(4) === 0 ? input.bytes(1 + input.below(16)) : input.pick(pieces)),
    unanswered: () => [...open].filter((response) => !response.writableFinished && response.socket?.destroyed === false).length,
    good: (port) =>
      new Promise((resolve) => {
        const answered = new Promise<boolean>((settle) => {
          get({ port, host: '127.0.0.1', path: '/good', agent: false }, (response) => {
            let text = ''
            response.on('data', (chunk: Buffer) => (text += chunk.toString())).on('end', () => settle(text === 'done')).on('error', () => settle(false))
          }).on('error', () => settle(false))
        })
        begun = () => resolve({ answered, answer, close: () => {} })
      }),
  }
}
