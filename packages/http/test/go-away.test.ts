import { once } from 'node:events'
import { connect, constants, createServer, type ClientHttp2Session, type Http2Server, type ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { httpServer } from '../src/index.ts'
import { cert, key } from './support/certificate.ts'
import { drainContext, quiesceContext, within } from './support/context.ts'
import { delayProxy } from './support/delay-proxy.ts'
import { startProgram } from './support/program.ts'
import { rawClient } from './support/raw-client.ts'
import { gate, serve } from './support/serve.ts'

const highestId = 2 ** 31 - 1
const sessions = 5
const workers = 8
const rounds = 3

interface Tally {
  /** Requests that the clients have put on the wire. Node's client refuses those itself that it has queued when it reads a GOAWAY; they are not among them. */
  sent: number
  answered: number
}

// Catches: `session.close()` at once: what is on the wire then is refused; and `session.goaway(0, 2 ** 31 - 1)`, after which it is ignored.
test('h2c: every request that a client has sent is answered, 5 ms away', async () => {
  const each = (leave: (session: ServerHttp2Session) => void) => (server: Http2Server) => {
    const open = new Set<ServerHttp2Session>()
    server.on('session', (session) => open.add(session))
    return () => open.forEach(leave)
  }
  const closed = await underLoad(each((session) => session.close()))
  expect(closed.answered).toBeLessThan(closed.sent)
  const ignored = await underLoad(
    each((session) => {
      session.goaway(constants.NGHTTP2_NO_ERROR, highestId)
      session.ping(() => session.close())
    }),
  )
  expect(ignored.answered).toBeLessThan(ignored.sent)

  for (let round = 0; round < rounds; round += 1) {
    const { sent, answered } = await underLoad((server) => {
      const resource = httpServer(server)
      return async () => await resource.drain(drainContext())
    })
    expect(answered).toBe(sent)
  }
})

async function underLoad(attach: (server: Http2Server) => () => unknown): Promise<Tally> {
  const tally: Tally = { sent: 0, answered: 0 }
  const server = createServer((_request, response) => void setTimeout(() => response.end('ok'), 2))
  const stop = attach(server)
  const port = await delayProxy(await serve(server), 5, (client) => countRequests(client, tally))
  const clients = await Promise.all(Array.from({ length: sessions }, () => session(port)))
  const working = Promise.all(clients.flatMap((client) => Array.from({ length: workers }, () => work(client, tally))))
  await expect.poll(() => tally.answered, { interval: 5 }).toBeGreaterThan(sessions * workers * 4)
  await stop()
  // A request that was ignored is neither answered nor refused, ever.
  await within(1_000, working)
  return tally
}

/** Asks until the session takes no more. */
async function work(client: ClientHttp2Session, tally: Tally): Promise<void> {
  let leaving = false
  client.on('goaway', () => {
    leaving = true
  })
  while (!leaving && !client.closed && !client.destroyed) {
    const stream = client.request({ ':path': '/' })
    const status = once(stream, 'response').then(([headers]) => headers[':status'] as number, () => 0)
    stream.resume().on('error', () => {})
    await new Promise((resolve) => stream.on('close', resolve))
    if ((await within(0, status)) === 200 && stream.rstCode === constants.NGHTTP2_NO_ERROR) tally.answered += 1
  }
}

/** Counts the HEADERS frames behind the preface: RFC 9113 §3.4 and §4.1. */
function countRequests(client: Socket, tally: Tally): void {
  const prefaceLength = 24
  const headersType = 1
  let left = Buffer.alloc(0)
  let skipped = false
  client.on('data', (chunk) => {
    left = Buffer.concat([left, chunk])
    if (!skipped && left.length >= prefaceLength) {
      skipped = true
      left = left.subarray(prefaceLength)
    }
    while (skipped && left.length >= 9 && left.length >= 9 + left.readUIntBE(0, 3)) {
      if (left.readUInt8(3) === headersType) tally.sent += 1
      left = left.subarray(9 + left.readUIntBE(0, 3))
    }
  })
}

test('h2c: the goodbye comes in two steps, and an answer that is still being sent stays whole', async () => {
  const streams = 40
  const due = gate()
  const body = Buffer.alloc(2 * 1024 * 1024)
  for (let at = 0; at < body.length; at += 4) body.writeUInt32BE(at, at)
  // In MB: with the default of 10 Node itself refuses streams whose answers wait to be sent.
  const server = createServer({ maxSessionMemory: 1_000 })
  server.on('stream', (stream) => {
    stream.respond()
    stream.write(body.subarray(0, 500_000))
    void due.opened.then(() => stream.end(body.subarray(500_000)))
  })
  const resource = httpServer(server)
  const client = await session(await serve(server))
  const goodbyes: number[] = []
  client.on('goaway', (_code: number, id: number) => goodbyes.push(id))
  const answers = Promise.all(Array.from({ length: streams }, () => download(client)))
  await expect.poll(() => resource.inFlight?.()).toBe(streams)
  resource.quiesce?.(quiesceContext)
  const drained = resource.drain(drainContext())
  due.open()

  for (const answer of await answers) expect(answer.equals(body)).toBe(true)
  await drained
  expect(goodbyes[0]).toBe(highestId)
  expect(goodbyes.at(-1)).toBe(streams * 2 - 1)
})

// Catches: the same frame written on TLS, which aborts the process, with every request of it.
test('TLS: the process leaves in the usual way, with a body in flight whole', async () => {
  const naive = startProgram('http2-over-tls', 'frame', key, cert)
  await naive.line(/^leaving$/)
  expect(await naive.ended).toMatchObject({ signal: 'SIGABRT' })

  const real = startProgram('http2-over-tls', 'drain', key, cert)
  await real.line(/^leaving$/)
  expect(await real.ended).toMatchObject({ code: 0, signal: null })
  expect(real.lines).toContain('received 33554432 bytes')
})

// Catches: `session.close()` when the first ping is answered: clients answer a ping ahead of the requests that they have queued.
test('h2c: a request that comes behind the answer to the first ping is answered', async () => {
  const server = createServer((_request, response) => void response.end('ok'))
  const resource = httpServer(server)
  const client = await frameClient(await serve(server))
  client.ask(1)
  await client.until(({ stream, isLast }) => stream === 1 && isLast)
  const drained = Promise.resolve(resource.drain(drainContext()))
  const ping = await client.until(isPing)
  client.answerPing(ping)
  // What the server does next: a second ping, or the end.
  const next = await client.until((frame) => frame !== ping && (isPing(frame) || (frame.type === frameTypes.goAway && frame.payload.readUInt32BE(0) < highestId)))
  client.ask(3)
  if (isPing(next)) client.answerPing(next)

  const answer = await client.until(({ stream }) => stream === 3)
  // The first byte is the status 200 of HPACK's table.
  expect([answer.type, answer.payload[0]]).toEqual([frameTypes.headers, 0x88])
  await client.until(({ stream, isLast }) => stream === 3 && isLast)
  client.socket.end()
  expect(await within(2_000, drained)).toBeUndefined()
})

interface Frame {
  readonly type: number
  readonly stream: number
  readonly isAnswer: boolean
  readonly isLast: boolean
  readonly payload: Buffer
}

const frameTypes = { headers: 1, settings: 4, ping: 6, goAway: 7 } as const

function isPing({ type, isAnswer }: Frame): boolean {
  return type === frameTypes.ping && !isAnswer
}

/** Speaks HTTP/2 frame by frame: Node's client cannot be held between the answer to a ping and a request. */
async function frameClient(port: number) {
  const raw = await rawClient(port)
  const frames: Frame[] = []
  let left = Buffer.alloc(0)
  let look = (): void => {}
  const send = (type: number, flags: number, stream: number, payload: Buffer): void => {
    const head = Buffer.alloc(9)
    head.writeUIntBE(payload.length, 0, 3)
    head.writeUInt8(type, 3)
    head.writeUInt8(flags, 4)
    head.writeUInt32BE(stream, 5)
    raw.socket.write(Buffer.concat([head, payload]))
  }
  raw.socket.on('data', (chunk) => {
    left = Buffer.concat([left, chunk])
    while (left.length >= 9 && left.length >= 9 + left.readUIntBE(0, 3)) {
      const end = 9 + left.readUIntBE(0, 3)
      const flag = (left.readUInt8(4) & 1) === 1
      const type = left.readUInt8(3)
      const isData = type <= frameTypes.headers
      frames.push({ type, stream: left.readUInt32BE(5), isAnswer: flag && !isData, isLast: flag && isData, payload: left.subarray(9, end) })
      left = left.subarray(end)
    }
    look()
  })
  raw.socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  send(frameTypes.settings, 0, 0, Buffer.alloc(0))
  return {
    socket: raw.socket,
    /** GET http://test/ without a body: END_HEADERS and END_STREAM; three entries of HPACK's table, and a value for its first name. */
    ask: (stream: number) => send(frameTypes.headers, 5, stream, Buffer.from('\x82\x86\x84\x01\x04test', 'latin1')),
    answerPing: ({ payload }: Frame) => send(frameTypes.ping, 1, 0, payload),
    /** The first frame that matches, also one that has come before. */
    until: (matches: (frame: Frame) => boolean) =>
      new Promise<Frame>((resolve, reject) => {
        look = () => {
          const found = frames.find(matches)
          if (found) resolve(found)
        }
        void raw.ended.then((how) => reject(new Error(`ended (${String(how)}) before the frame; frames received: ${frames.map(({ type, stream }) => `${type} on ${stream}`).join(', ')}`)))
        look()
      }),
  }
}

async function download(client: ClientHttp2Session): Promise<Buffer> {
  const stream = client.request({ ':path': '/' })
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(stream, 'end')
  return Buffer.concat(chunks)
}

async function session(port: number): Promise<ClientHttp2Session> {
  const client = connect(`http://127.0.0.1:${port}`)
  client.setMaxListeners(0).on('error', () => {})
  onTestFinished(() => client.destroy())
  await once(client, 'remoteSettings')
  return client
}
