import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { httpServer } from '../src/index.ts'
import { drainContext, within } from './support/context.ts'
import { get, rawClient } from './support/raw-client.ts'
import { gate, serve } from './support/serve.ts'

// Catches: taking the socket for an open one again, which never tells of its end a second time: the drain waits for it to the deadline.
test('an answer that ends after its client has gone does not hold the drain', async () => {
  const due = gate()
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Length': 2 }).write('ok')
    void due.opened.then(() => response.end())
  })
  const closed = new Promise((resolve) => void server.once('connection', (socket: Socket) => void socket.on('close', resolve)))
  const port = await serve(server)
  const resource = httpServer(server)
  const [gone, other] = [await rawClient(port), await rawClient(port)]
  gone.send(get('/'))
  await gone.until(/ok$/)
  other.send(get('/'))
  await other.until(/ok$/)
  const drained = Promise.resolve(resource.drain(drainContext()))
  await expect.poll(() => server.listening).toBe(false)
  gone.socket.end()
  await closed
  due.open()

  expect(await other.ended).toBe('end')
  expect(await within(2_000, drained)).toBeUndefined()
})
