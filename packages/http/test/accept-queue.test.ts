import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { httpServer } from '../src/index.ts'
import { narrowAcceptQueue } from '../src/lib/narrow-accept-queue.ts'
import { drainContext, within } from './support/context.ts'
import { get, watch } from './support/raw-client.ts'
import { plainClose, serve } from './support/serve.ts'

// Catches: closing the listener at once, which resets everything in the kernel's accept queue.
test('connections that the kernel has accepted are served', async () => {
  expect(await queued('close')).toBe(0)
  expect(await queued('drain')).toBe(100)
})

async function queued(how: 'close' | 'drain'): Promise<number> {
  const server = createServer((_request, response) => void response.end('ok'))
  const resource = httpServer(server)
  const port = await serve(server)
  // `connect` makes its system call at once and the kernel completes the handshake: without a turn of the loop all of them wait in the queue.
  const clients = Array.from({ length: 100 }, () => watch(connect(port, '127.0.0.1')))
  for (const client of clients) client.send(get('/'))
  const done = how === 'close' ? plainClose(server) : resource.drain(drainContext())
  const ends = await Promise.all(clients.map((client) => client.until(/ok$/).then(() => true, () => false)))
  await done
  return ends.filter(Boolean).length
}

// Catches: a limit in which only a few turns of the loop fit, and with them a few connections.
test('connections that wait while handlers block the event loop are served', async () => {
  const server = createServer((_request, response) => {
    const until = performance.now() + 150
    while (performance.now() < until);
    response.end('ok')
  })
  const resource = httpServer(server)
  const port = await serve(server)
  const clients = Array.from({ length: 10 }, () => watch(connect(port, '127.0.0.1')))
  for (const client of clients) client.send(get('/'))
  const drained = resource.drain(drainContext(20_000))
  const ends = await Promise.all(clients.map((client) => client.until(/ok$/).then(() => true, () => false)))
  await drained
  expect(ends.filter(Boolean)).toHaveLength(10)
})

test('endless new connections do not keep the listener open', async () => {
  const server = createServer((_request, response) => void response.end('ok'))
  const resource = httpServer(server)
  const port = await serve(server)
  // `connect` makes its system call at once, so that the queue is never empty when the loop polls again.
  const again = (): void => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => socket.destroy()).on('error', () => {})
  }
  server.on('connection', again)
  again()
  await once(server, 'connection')
  again()

  expect(await within(5_000, Promise.resolve(resource.drain(drainContext(20_000))))).toBeUndefined()
  expect(server.listening).toBe(false)
})

// Catches: a queue of any length at the close. A process that lost its turn on the processor right before it reset up to seven of eight clients; with one place
// in the queue still one.
test.skipIf(process.platform !== 'linux').each([undefined, '0.0.0.0', '127.0.0.1'])('of those who come between the last look at the queue and the close, none has a connection (listening on %s)', async (host) => {
  const server = createServer((_request, response) => void response.end('ok'))
  const resource = httpServer(server)
  server.listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { _handle: listener } = server as typeof server & { readonly _handle: { close(done?: () => void): void } }
  const close = listener.close.bind(listener)
  let connected: number | undefined
  listener.close = (done) => {
    connected = connectedOf20(port)
    close(done)
  }
  await resource.drain(drainContext())
  expect(connected).toBe(0)
})

test.skipIf(process.platform !== 'linux')('a listener that was handed to the server, so that others may have it as well, keeps its queue', async () => {
  const owner = createServer()
  const port = await serve(owner)
  const server = createServer()
  httpServer(server)
  server.listen(owner)
  await once(server, 'listening')
  narrowAcceptQueue(server)
  expect(connectedOf20(port)).toBe(20)
})

/** How many of twenty clients of another process have a connection after half a second in which this one does nothing. */
function connectedOf20(port: number): number {
  const clients = `
    let connected = 0
    const end = () => { process.stdout.write(String(connected)); process.exit() }
    for (let n = 0; n < 20; n += 1) require('node:net').connect(${port}, '127.0.0.1', () => { if ((connected += 1) === 20) end() }).on('error', () => {})
    setTimeout(end, 500)`
  return Number(execFileSync(process.execPath, ['-e', clients], { encoding: 'utf8' }))
}
