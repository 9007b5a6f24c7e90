import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startService, type Service } from '../src/lib/service.ts'

describe.each([{ delayMs: 0 }, { delayMs: 30 }])('the front with $delayMs ms each way', ({ delayMs }) => {
  let upstream: Server
  let service: Service
  let accepted: Promise<Socket>
  const sockets: Socket[] = []

  beforeEach(async () => {
    upstream = createServer({ allowHalfOpen: true })
    accepted = once(upstream, 'connection').then(([socket]) => {
      sockets.push(socket as Socket)
      return socket as Socket
    })
    upstream.listen(0, '127.0.0.1')
    await once(upstream, 'listening')
    const { port } = upstream.address() as AddressInfo
    service = await startService({ pick: () => ({ name: 'one', port }), delayMs })
  })

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy()
    upstream.close()
    await service.close()
  })

  function open(): Socket {
    const client = connect({ host: '127.0.0.1', port: service.port, allowHalfOpen: true })
    client.on('error', () => {})
    sockets.push(client)
    return client
  }

  it('passes bytes on, both ways, and knows where they went', async () => {
    const client = open()
    const server = await accepted
    const began = performance.now()
    client.write('ping')
    expect(String((await once(server, 'data'))[0])).toBe('ping')
    server.write('pong')
    expect(String((await once(client, 'data'))[0])).toBe('pong')
    expect(performance.now() - began).toBeGreaterThanOrEqual(2 * delayMs - 2)
    expect(service.connectionsTo('one')).toBe(1)
  })

  it('passes a half-close on: the other direction stays open', async () => {
    const client = open()
    const server = await accepted
    client.end('the question')
    const received = collect(server)
    await once(server, 'end')
    expect(received()).toBe('the question')
    const answer = collect(client)
    server.write('the ')
    server.end('answer')
    await once(client, 'end')
    expect(answer()).toBe('the answer')
  })

  it('passes a reset of the server on as a reset, after the bytes before it', async () => {
    const client = open()
    const received = collect(client)
    const ends = { clean: false }
    client.once('end', () => (ends.clean = true))
    const server = await accepted
    server.write('half an answer')
    await once(client, 'data')
    const resetAt = performance.now()
    server.resetAndDestroy()
    const [error] = await rejection(client)
    expect(performance.now() - resetAt).toBeGreaterThanOrEqual(delayMs - 2)
    expect(error.code).toBe('ECONNRESET')
    expect(ends.clean).toBe(false)
    expect(received()).toBe('half an answer')
  })

  it('passes a reset of the client on as a reset', async () => {
    const client = open()
    const server = await accepted
    server.resume()
    const failed = rejection(server)
    client.resetAndDestroy()
    expect((await failed)[0].code).toBe('ECONNRESET')
  })

  it('pushes back: a reader that does not read stops the writer', async () => {
    const client = open()
    const server = await accepted
    client.pause()
    const chunk = Buffer.alloc(1024 * 1024)
    const total = 64
    // Far more than the kernel and the front may hold: some of it must stay in the writer.
    for (let written = 0; written < total; written++) server.write(chunk)
    server.end()
    await quiet(server)
    expect(server.writableLength).toBeGreaterThan((total / 2) * chunk.length)
    let length = 0
    client.on('data', (data: Buffer) => (length += data.length))
    client.resume()
    await once(client, 'end')
    expect(length).toBe(total * chunk.length)
  })

  it('resets what the endpoint refuses', async () => {
    upstream.close()
    const client = open()
    await once(client, 'connect')
    const clientPort = client.localPort ?? 0
    const [error] = await rejection(client)
    expect(error.code).toBe('ECONNRESET')
    expect(service.connectionOf(clientPort, Infinity)).toMatchObject({ replica: 'one', refused: 'connect ECONNREFUSED' })
  })
})

it('routes each new connection anew, and pins it', async () => {
  const servers = await Promise.all(['a', 'b'].map(listenWith))
  let turn = 0
  const service = await startService({ pick: () => ({ name: 'x', port: servers[turn++ % 2]?.port ?? 0 }), delayMs: 0 })
  const clients = [1, 2, 3].map(() => connect({ host: '127.0.0.1', port: service.port }))
  const names: string[] = []
  for (const client of clients) {
    for (let asked = 0; asked < 3; asked++) {
      client.write('?')
      names.push(String((await once(client, 'data'))[0]))
    }
  }
  expect(names.join('')).toMatch(/^(aaabbbaaa|bbbaaabbb|aaaaaabbb|bbbaaaaaa)$/)
  for (const client of clients) client.destroy()
  await service.close()
  for (const { server } of servers) server.close()
})

async function listenWith(name: string): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', () => socket.write(name))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

function collect(socket: Socket): () => string {
  let text = ''
  socket.on('data', (data: Buffer) => (text += String(data)))
  return () => text
}

function rejection(socket: Socket): Promise<[NodeJS.ErrnoException]> {
  return new Promise((resolve) => socket.once('error', (error) => resolve([error])))
}

/** Settles when no byte has left the socket for five turns of a 20 ms clock. */
async function quiet(socket: Socket): Promise<void> {
  let last = -1
  let same = 0
  while (same < 5) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    same = socket.writableLength === last ? same + 1 : 0
    last = socket.writableLength
  }
}
