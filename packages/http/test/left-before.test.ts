import { once } from 'node:events'
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import { connect, createServer as createHttp2Server, type Http2ServerResponse } from 'node:http2'
import { expect, onTestFinished, test } from 'vitest'
import { httpServer, type HttpServerResource } from '../src/index.ts'
import { drainContext, quiesceContext } from './support/context.ts'
import { rawClient } from './support/raw-client.ts'
import { serve } from './support/serve.ts'

const noWork = { done: 0, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] }

interface Asked {
  readonly resource: HttpServerResource
  readonly response: ServerResponse
  /** The client leaves, and the server has noticed. */
  readonly leave: () => Promise<void>
}

/** A request with its handler at work. */
async function asked(method: string, protocol: 'HTTP/1' | 'HTTP/2', handle: RequestListener): Promise<Asked> {
  const server = protocol === 'HTTP/1' ? createServer(handle) : createHttp2Server(handle as unknown as (request: unknown, response: Http2ServerResponse) => void)
  const resource = httpServer(server)
  const port = await serve(server)
  const requested = once(server, 'request') as Promise<[unknown, ServerResponse]>
  const end = protocol === 'HTTP/1' ? await ask(port, method) : askHttp2(port, method)
  const [, response] = await requested
  return {
    resource,
    response,
    async leave() {
      const closed = once(response, 'close')
      end()
      await closed
    },
  }
}

/** Its client has gone before there is a stop. */
async function left(method: string, protocol: 'HTTP/1' | 'HTTP/2', handle: RequestListener = () => {}): Promise<Asked> {
  const request = await asked(method, protocol, handle)
  await request.leave()
  return request
}

/** The same, whose client goes when the stop has begun. */
async function leftInStop(method: string, protocol: 'HTTP/1' | 'HTTP/2', handle: RequestListener): Promise<HttpServerResource> {
  const { resource, leave } = await asked(method, protocol, handle)
  resource.quiesce?.(quiesceContext)
  await leave()
  await new Promise(setImmediate)
  return resource
}

async function ask(port: number, method: string): Promise<() => void> {
  const client = await rawClient(port)
  client.send(`${method} /orders HTTP/1.1\r\nHost: a\r\n${method === 'POST' ? 'Content-Length: 2\r\n\r\nok' : '\r\n'}`)
  return () => void client.socket.destroy()
}

function askHttp2(port: number, method: string): () => void {
  const session = connect(`http://127.0.0.1:${port}`)
  onTestFinished(() => session.destroy())
  const stream = session.request({ ':method': method, ':path': '/orders' })
  stream.on('error', () => {}).end(method === 'POST' ? 'ok' : undefined)
  return () => stream.close(8)
}

/** The body is all there. */
const readAll: RequestListener = (request) => void request.resume()

// Catches: `clean`, with a row half written for a client that hung up a moment before the signal.
test.each(['HTTP/1', 'HTTP/2'] as const)('%s: a handler whose client hung up before the signal, and that has not ended, is unknown', async (protocol) => {
  const { resource } = await left('POST', protocol, readAll)
  resource.quiesce?.(quiesceContext)
  await resource.drain(drainContext())
  expect(resource.tally?.()).toEqual({ ...noWork, unknown: 1, reasons: [expect.stringMatching(/^POST \/orders: .*its handler had not ended$/)] })
})

test('… also when this side broke it off', async () => {
  const { resource } = await left('POST', 'HTTP/1', (request, response) => request.resume().on('end', () => void response.destroy()))
  resource.quiesce?.(quiesceContext)
  expect(resource.tally?.()).toMatchObject({ unknown: 1 })
})

test.each(['HTTP/1', 'HTTP/2'] as const)('%s: … and done when it ends in the stop', async (protocol) => {
  const { resource, response } = await left('POST', protocol, readAll)
  resource.quiesce?.(quiesceContext)
  await new Promise(setImmediate)
  response.end()
  expect(resource.tally?.()).toEqual({ ...noWork, done: 1 })
})

test.each(['HTTP/1', 'HTTP/2'] as const)('%s: one that ended before the signal counts nowhere', async (protocol) => {
  const { resource, response } = await left('POST', protocol, readAll)
  await new Promise(setImmediate)
  response.end()
  resource.quiesce?.(quiesceContext)
  expect(resource.tally?.()).toEqual(noWork)
})

test.each(['HTTP/1', 'HTTP/2'] as const)('%s: a GET asks for no work, and is given up all the time', async (protocol) => {
  const { resource } = await left('GET', protocol, readAll)
  resource.quiesce?.(quiesceContext)
  expect(resource.tally?.()).toEqual(noWork)
})

// Catches: `clean`, since somebody tidies up behind every client that leaves, while the handler is at work.
test.each(['HTTP/1', 'HTTP/2'] as const)('%s: what a listener of close ends says nothing of its handler', async (protocol) => {
  let isTidied = false
  const tidy = (answer: ServerResponse): void => void (answer.end(), (isTidied = true))
  const { resource } = await left('POST', protocol, (request, answer) => void (request.resume(), answer.on('close', () => tidy(answer))))
  await new Promise(setImmediate)
  expect(isTidied).toBe(true)
  resource.quiesce?.(quiesceContext)
  expect(resource.tally?.()).toMatchObject({ unknown: 1, reasons: [expect.stringMatching(/its handler had not ended$/)] })
})

test.each(['HTTP/1', 'HTTP/2'] as const)('%s: … a handler that hears of it and ends later is over', async (protocol) => {
  const { resource } = await left('POST', protocol, (request, answer) => void (request.resume(), once(answer, 'close').then(() => answer.end())))
  await new Promise(setImmediate)
  resource.quiesce?.(quiesceContext)
  expect(resource.tally?.()).toEqual(noWork)
})

test.each(['HTTP/1', 'HTTP/2'] as const)('%s: … in the stop, too', async (protocol) => {
  const held = await leftInStop('POST', protocol, (request, answer) => void (request.resume(), answer.on('close', () => answer.end())))
  expect(held.tally?.()).toMatchObject({ unknown: 1 })
  const poll = await leftInStop('GET', protocol, (request, answer) => void (request.resume(), answer.on('close', () => answer.end())))
  expect(poll.tally?.()).toMatchObject({ unknown: 0 })
})
