import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { Server as NetServer } from 'node:net'
import { expect, test } from 'vitest'
import { httpServer } from '../src/index.ts'
import { drainContext, within } from './support/context.ts'
import { get, rawClient } from './support/raw-client.ts'
import { serve } from './support/serve.ts'

const body = Buffer.alloc(8 * 1024 * 1024, 'x')

interface Executed {
  /** Paths whose handler ran. */
  readonly handled: string[]
  /** Paths whose answer the client has received. */
  readonly answered: string[]
}

type Attach = (server: Server) => () => unknown

/**
 * Ends connections as the shutdown helpers do that know the requests in flight, but not what is still being sent: an
 * `end` when `end()` was called, so that a request behind it is executed and never answered.
 */
const halfClose: Attach = (server) => {
  server.prependListener('request', (request, response) => {
    const end = response.end.bind(response)
    response.end = (...parameters: unknown[]) => {
      end(...(parameters as []))
      request.socket.end()
      return response
    }
  })
  return () => NetServer.prototype.close.call(server)
}

const real: Attach = (server) => {
  const resource = httpServer(server)
  return async () => await within(8_000, Promise.resolve(resource.drain(drainContext(10_000))))
}

const moments = ['while the answer is being sent', 'with its last byte', 'in the tick of the drain'] as const

// Catches: taking an answer for sent when `end()` was called, and ending the socket while a request is behind it.
test.each(moments)('a request that comes %s is answered, or it is not executed', async (moment) => {
  const naive = await pipelined(moment, halfClose)
  expect(naive.handled.length).toBeGreaterThan(naive.answered.length)
  const { handled, answered } = await pipelined(moment, real)
  expect(answered).toContain('/1')
  expect(answered).toEqual(handled)
})

async function pipelined(moment: (typeof moments)[number], attach: Attach): Promise<Executed> {
  const handled: string[] = []
  const server = createServer((request, response) => {
    handled.push(String(request.url))
    if (request.url === '/1') response.writeHead(200, { 'X-Path': '/1', 'Content-Length': body.length }).end(body)
    else response.writeHead(200, { 'X-Path': String(request.url) }).end('ok')
  })
  const drain = attach(server)
  const client = await rawClient(await serve(server), { allowHalfOpen: true })
  client.socket.pause()
  client.send(get('/1'))
  await once(server, 'request')
  if (moment === 'in the tick of the drain') client.send(get('/2'))
  const drained = Promise.resolve(drain())
  await expect.poll(() => server.listening).toBe(false)
  if (moment === 'while the answer is being sent') client.send(get('/2'))
  client.socket.resume()
  if (moment === 'with its last byte') {
    await client.until(/x{1000}/)
    await expect.poll(() => client.socket.bytesRead).toBeGreaterThanOrEqual(body.length)
    client.send(get('/2'))
  }
  await client.ended
  client.socket.end()
  expect(await within(10_000, drained)).not.toBe('pending')
  await new Promise(setImmediate)
  const answered = [...client.text().matchAll(/^X-Path: (\S+)/gm)].map((match) => String(match[1]))
  return { handled, answered }
}
