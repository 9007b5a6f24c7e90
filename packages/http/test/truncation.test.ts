import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { expect, test } from 'vitest'
import { httpServer } from '../src/index.ts'
import { drainContext } from './support/context.ts'
import { get, rawClient, stalled } from './support/raw-client.ts'
import { plainClose, serve } from './support/serve.ts'

const mebibyte = 1024 * 1024
const body = Buffer.alloc(64 * mebibyte, 'x')

// Catches: `server.close()` and `closeIdleConnections()`, which on Node ≥ 19 destroy a socket that is still flushing.
test.each(['fixed length', 'chunked'])('every byte of a finished answer reaches a slow reader: %s', async (encoding) => {
  const cut = await download(encoding, (server) => () => plainClose(server))
  expect(cut).toBeLessThan(body.length)

  const whole = await download(encoding, (server) => {
    const resource = httpServer(server)
    return async () => await resource.drain(drainContext(20_000))
  })
  expect(whole).toBeGreaterThanOrEqual(body.length)
})

async function download(encoding: string, attach: (server: Server) => () => Promise<void>): Promise<number> {
  const server = createServer((_request, response) => {
    if (encoding === 'chunked') response.write('begin')
    else response.setHeader('Content-Length', body.length)
    response.end(body)
  })
  const close = attach(server)
  const client = await rawClient(await serve(server))
  client.socket.removeAllListeners('data')
  const reader = stalled(client.socket)
  client.send(get('/'))
  await once(server, 'request')
  const closed = close()
  // The listener is closed and the sweep has been through the connection.
  await expect.poll(() => server.listening).toBe(false)
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  const bytes = await reader.resume()
  await closed
  return bytes
}
