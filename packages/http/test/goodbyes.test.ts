import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, createServer as createTcpServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { httpServer, type HttpServerOptions } from '../src/index.ts'
import { drainContext, within } from './support/context.ts'
import { get, rawClient } from './support/raw-client.ts'
import { gate, serve } from './support/serve.ts'

const upgrade = get('/chat', 'Connection: Upgrade\r\nUpgrade: websocket\r\n')
const switching = 'HTTP/1.1 101 Switching Protocols\r\n\r\n'
const goingAway = Buffer.from([0x88, 0x02, 0x03, 0xe9])
const goodbye = goingAway.toString('latin1')

// Catches: a loop over all clients, which come back to the other replicas in one moment.
test('goodbyes are spread over upgradedSpreadMs', async () => {
  const times = await goodbyeTimes(10, { upgradedSpreadMs: 500 }, 10_000)
  expect(spanOf(times)).toBeGreaterThan(500 * 0.8)
  // Evenly: two clumps have the same span.
  expect(gapsOf(times).filter((gap) => gap > 20).length).toBeGreaterThan(3)
})

test('by default each takes one ms, and with 0 they go at once', async () => {
  const spanMs = spanOf(await goodbyeTimes(400, {}, 10_000))
  expect(spanMs).toBeGreaterThan(400 * 0.8)
  expect(spanMs).toBeLessThan(400 * 1.8)
  expect(new Set(await goodbyeTurns(20, { upgradedSpreadMs: 0 })).size).toBeLessThan(5)
})

test('they never take more than half of the time that is left', async () => {
  const times = await goodbyeTimes(10, { upgradedSpreadMs: 60_000 }, 3_000)
  expect(times).toHaveLength(10)
  expect(spanOf(times)).toBeGreaterThan(1_500 * 0.8)
  // Nine tenths of the half, and room for a busy machine.
  expect(spanOf(times)).toBeLessThan(1_500 * 1.3)
})

/** When each of `count` clients was told to go, by the server's clock. */
async function goodbyeTimes(count: number, options: HttpServerOptions, remainingMs: number): Promise<number[]> {
  const times: number[] = []
  await sayGoodbyes(count, options, remainingMs, () => times.push(performance.now()))
  return times
}

/** In which turn of the event loop each was told. */
async function goodbyeTurns(count: number, options: HttpServerOptions): Promise<number[]> {
  const turns: number[] = []
  let turn = 0
  let over = false
  onTestFinished(() => {
    over = true
  })
  const next = (): void => {
    turn += 1
    if (!over) setImmediate(next)
  }
  next()
  await sayGoodbyes(count, options, 10_000, () => turns.push(turn))
  return turns
}

async function sayGoodbyes(count: number, options: HttpServerOptions, remainingMs: number, onGoodbye: () => void): Promise<void> {
  const server = createServer()
  const resource = httpServer(server, {
    ...options,
    closeUpgraded(socket) {
      onGoodbye()
      socket.end()
    },
  })
  server.on('upgrade', (_request, socket) => socket.on('error', () => {}).write(switching))
  const port = await serve(server)
  const clients = await Promise.all(Array.from({ length: count }, () => rawClient(port)))
  await Promise.all(
    clients.map((client) => {
      client.send(upgrade)
      return client.until(/101/)
    }),
  )
  expect(await within(remainingMs + 1_000, Promise.resolve(resource.drain(drainContext(remainingMs))))).toBeUndefined()
  for (const client of clients) expect(await client.ended).toBe('end')
}

function spanOf(times: readonly number[]): number {
  return Math.max(...times) - Math.min(...times)
}

function gapsOf(times: readonly number[]): number[] {
  return times.slice(1).map((time, index) => time - Number(times[index]))
}

// Catches: writing the close frame wherever the stream is: in a proxied WebSocket it lands inside somebody else's frame.
test('a proxied WebSocket gets no frame of ours in the middle of its bytes, and is ended', async () => {
  expect(await proxied({ closeUpgraded: (socket) => void socket.end(goingAway) })).toContain(`half of a${goodbye}`)
  const text = await proxied({})
  expect(text).not.toContain(goodbye)
  expect(text).toMatch(/half of a$/)
})

/** What the client of a proxy has received; the upstream is in the middle of a frame when the drain begins. */
async function proxied(options: HttpServerOptions): Promise<string> {
  const upstream = createTcpServer((socket) => void socket.on('error', () => {}).write(`${switching}half of a`))
  const upstreamPort = await serve(upstream)
  const proxy = createServer()
  const resource = httpServer(proxy, options)
  proxy.on('upgrade', (_request, socket: Socket) => {
    const behind = connect(upstreamPort, '127.0.0.1')
    behind.on('error', () => socket.destroy()).on('close', () => socket.destroy())
    socket.on('error', () => behind.destroy()).on('close', () => behind.destroy())
    behind.pipe(socket)
    socket.pipe(behind)
  })
  const client = await rawClient(await serve(proxy))
  client.send(upgrade)
  await client.until(/half of a$/)
  expect(await within(2_000, Promise.resolve(resource.drain(drainContext())))).toBeUndefined()
  await client.ended
  return client.text()
}

// Catches: a frame before the 101, which is no HTTP answer.
test('an upgrade that is answered after the drain began gets its goodbye behind the 101, in one piece', async () => {
  const due = gate()
  const server = createServer()
  const resource = httpServer(server)
  server.on('upgrade', (_request, socket: Socket) => {
    socket.on('data', () => socket.end())
    void due.opened.then(() => {
      // The way of ws and of engine.io: head and first message in two writes of one turn.
      socket.write(switching)
      socket.write('\x81\x05hello', 'latin1')
    })
  })
  const client = await rawClient(await serve(server))
  client.send(upgrade)
  await once(server, 'upgrade')
  const drained = Promise.resolve(resource.drain(drainContext()))
  await expect.poll(() => server.listening).toBe(false)
  expect(await within(100, drained)).toBe('pending')
  expect(client.text()).toBe('')
  due.open()

  expect(await client.until(new RegExp(`${goodbye}$`))).toBe(`${switching}\x81\x05hello${goodbye}`)
  client.send('bye')
  expect(await within(2_000, drained)).toBeUndefined()
})
