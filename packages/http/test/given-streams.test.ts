import { once } from 'node:events'
import { createServer, type Server as HttpServer } from 'node:http'
import { createServer as createHttpsServer, get as getOverTls } from 'node:https'
import { createServer as createTcpServer, type Server } from 'node:net'
import { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import { httpServer } from '../src/index.ts'
import { cert, key } from './support/certificate.ts'
import { drainContext, quiesceContext, within } from './support/context.ts'
import { startProgram } from './support/program.ts'
import { get, rawClient } from './support/raw-client.ts'
import { gate, serve } from './support/serve.ts'
import { uncaught } from './support/uncaught.ts'

/*
 * `server.emit('connection', stream)`: what a multiplexer or a parser of the PROXY protocol does with a connection that it has looked
 * into. Node allows any Duplex there, which has no `bytesRead`, `destroySoon` or handle.
 */

test('connections that are given to the server: requests are followed, and one that is not used holds nobody', async () => {
  const due = gate()
  const server = createServer((request, response) => void (request.url === '/slow' ? due.opened : Promise.resolve()).then(() => response.end('ok')))
  const resource = httpServer(server)
  const port = await serveStreamsTo(server)
  const given = once(server, 'connection')
  await rawClient(port)
  await given
  const idle = await rawClient(port)
  idle.send(get('/'))
  await idle.until(/ok$/)
  const busy = await rawClient(port)
  busy.send(get('/slow'))
  await once(server, 'request')
  expect(resource.stats()).toMatchObject({ sockets: { active: 1, idle: 1 }, inFlight: 1 })
  expect(resource.waitingFor?.()).toEqual([expect.stringMatching(/^GET \/slow \d+ ms/)])

  resource.quiesce?.(quiesceContext)
  const drained = Promise.resolve(resource.drain(drainContext()))
  expect(await idle.ended).toBe('end')
  expect(await within(100, drained)).toBe('pending')
  due.open()
  expect(await busy.until(/ok$/)).toMatch(/connection: close/i)
  expect(await within(2_000, drained)).toBeUndefined()
})

// Catches: taking the stream and the TLS socket over it for two connections, and ending the first of them, "unused", when its grace is over.
test('TLS over such a stream: a request in flight is answered', async () => {
  const due = gate()
  const server = createHttpsServer({ key, cert }, (_request, response) => void due.opened.then(() => response.end('ok')))
  const resource = httpServer(server, { unusedGraceMs: 10 })
  const asked = getOverTls({ port: await serveStreamsTo(server), host: '127.0.0.1', rejectUnauthorized: false, agent: false })
  const answered = once(asked, 'response')
  await once(server, 'request')
  expect(resource.inFlight?.()).toBe(1)
  resource.quiesce?.(quiesceContext)
  const drained = Promise.resolve(resource.drain(drainContext()))
  expect(await within(200, drained)).toBe('pending')
  due.open()

  const [response] = await answered
  expect(response).toMatchObject({ statusCode: 200, headers: { connection: 'close' } })
  response.resume()
  await once(response, 'end')
  expect(await within(2_000, drained)).toBeUndefined()
})

test('an early 413 on such a stream arrives, and its rest does no harm', async () => {
  const errors = uncaught()
  const server = createServer((_request, response) => void response.writeHead(413, { 'Content-Length': 9 }).end('too large'))
  const resource = httpServer(server)
  resource.quiesce?.(quiesceContext)
  const client = await rawClient(await serveStreamsTo(server), { allowHalfOpen: true })
  client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf')
  expect(await client.until(/too large$/)).toMatch(/connection: close/i)
  client.send('other.')
  client.socket.end()
  expect(await client.ended).toBe('end')
  expect(await within(2_000, Promise.resolve(resource.drain(drainContext())))).toBeUndefined()
  expect(errors).toEqual([])
})

// Catches: the GOAWAY frame of the first step, which is written past Node and aborts the process here as it does on TLS.
test('HTTP/2 over such a stream: the process leaves in the usual way, with a body in flight whole', async () => {
  const naive = startProgram('http2-over-stream', 'frame')
  await naive.line(/^leaving$/)
  // In C++, or in JavaScript when Node is writing itself.
  const { code, stderr } = await naive.ended
  expect(code).not.toBe(0)
  expect(stderr).toMatch(/assertion/i)

  const real = startProgram('http2-over-stream', 'drain')
  await real.line(/^leaving$/)
  expect(await real.ended).toMatchObject({ code: 0, signal: null })
  expect(real.lines).toEqual(expect.arrayContaining(['received 33554432 bytes', 'stopped clean']))
})

/** A port whose connections reach the server as streams. */
function serveStreamsTo(server: HttpServer): Promise<number> {
  const front: Server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    server.emit('connection', Duplex.from({ readable: socket, writable: socket }))
  })
  return serve(front)
}
