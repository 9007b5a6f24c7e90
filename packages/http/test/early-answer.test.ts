import { createServer, type RequestListener, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { httpServer } from '../src/index.ts'
import { drainContext, quiesceContext, within } from './support/context.ts'
import { delayProxy } from './support/delay-proxy.ts'
import { rawClient } from './support/raw-client.ts'
import { serve } from './support/serve.ts'

const size = 20 * 1024 * 1024
const rounds = 5

const tooLarge: RequestListener = (_request, response) => void response.writeHead(413, { 'Content-Length': 9 }).end('too large')

// Catches: `Connection: close` and nothing else. Node then closes the socket right after the answer, the kernel answers the rest
// of the upload with a reset, and a client that is still writing may never get to read the 413.
test('an early 413 reaches a client that is still uploading, 5 ms away', async () => {
  let lost = 0
  for (let round = 0; round < rounds; round += 1) {
    const text = await upload((server) => server.prependListener('request', (_request, response) => (response.shouldKeepAlive = false)))
    if (!text.includes('413')) lost += 1
  }
  expect(lost).toBeGreaterThan(0)

  for (let round = 0; round < rounds; round += 1) {
    const text = await upload((server) => httpServer(server).quiesce?.(quiesceContext))
    expect(text).toMatch(/^HTTP\/1.1 413 [^]*connection: close[^]*too large$/i)
  }
})

test('the drain waits for the rest of such an upload, and not longer', async () => {
  const server = createServer(tooLarge)
  const resource = httpServer(server)
  resource.quiesce?.(quiesceContext)
  const client = await rawClient(await serve(server), { allowHalfOpen: true })
  client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf')
  await client.until(/too large$/)
  const drained = Promise.resolve(resource.drain(drainContext()))
  expect(await within(100, drained)).toBe('pending')
  expect(resource.waitingFor?.()).toEqual([expect.stringContaining('POST /')])
  client.send('other.')
  expect(await client.ended).toBe('end')
  expect(await within(2_000, drained)).toBeUndefined()
})

// Catches: lingering until the request is complete, which one that nobody reads any more never is.
test('where the handler has stopped reading, the drain ends after a bounded time and not at the deadline', async () => {
  const server = createServer((request, response) => {
    request.once('data', () => {
      request.pause()
      tooLarge(request, response)
    })
  })
  const resource = httpServer(server)
  resource.quiesce?.(quiesceContext)
  const port = await serve(server)
  const [staying, leaving] = [await rawClient(port, { allowHalfOpen: true }), await rawClient(port)]
  for (const client of [staying, leaving]) {
    client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 500000\r\n\r\n')
    client.socket.write(Buffer.alloc(500_000))
    expect(await client.until(/too large$/)).toMatch(/connection: close/i)
  }
  leaving.socket.destroy()
  const drained = Promise.resolve(resource.drain(drainContext(60_000)))
  expect(await within(100, drained)).toBe('pending')
  expect(await within(5_000, drained)).toBeUndefined()
  expect(resource.stats().sockets).toMatchObject({ receiving: 0, active: 0, idle: 0 })
})

/** What the client has received in the end; it stops writing when the answer is there, or when it is cut. */
async function upload(attach: (server: Server) => unknown): Promise<string> {
  const server = createServer(tooLarge)
  attach(server)
  const client = await rawClient(await delayProxy(await serve(server), 5))
  client.send(`POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: ${size}\r\n\r\n`)
  await writeAll(client.socket, size)
  await client.ended
  return client.text()
}

async function writeAll(socket: Socket, bytes: number): Promise<void> {
  const chunk = Buffer.alloc(64 * 1024)
  for (let left = bytes; left > 0 && !socket.destroyed; left -= chunk.length) {
    if (socket.write(chunk)) continue
    await new Promise<void>((resolve) => {
      socket.once('drain', resolve).once('close', resolve)
    })
  }
}
