import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect, createServer as createHttp2Server, type Http2ServerRequest } from 'node:http2'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createLifecycle, type Report } from '@lameduck/core'
import { expect, onTestFinished, test } from 'vitest'
import { httpServer, type HttpServerResource } from '../src/index.ts'
import { rawClient } from './support/raw-client.ts'
import { gate, serve } from './support/serve.ts'

type Protocol = 'HTTP/1' | 'HTTP/2'
type When = 'before' | 'during'

interface World {
  readonly rows: string[]
  /** The server has nothing left but its handlers. */
  readonly closed: Promise<unknown>
  /** Lets the handler write its row. */
  readonly go: () => void
  /** Stops; `answer` is when the answer has come. */
  readonly stop: () => Promise<Report>
}

/** A handler that answers, and then writes a row. The answer comes before the stop, or in it. */
async function world(protocol: Protocol, when: When, method: string = 'POST'): Promise<World> {
  const [mayAnswer, mayWrite] = [gate(), gate()]
  const rows: string[] = []
  const handle = async (request: IncomingMessage | Http2ServerRequest, response: ServerResponse): Promise<void> => {
    request.resume()
    await mayAnswer.opened
    response.end('accepted')
    await mayWrite.opened
    rows.push('row')
  }
  const server = protocol === 'HTTP/1' ? createServer(handle as never) : (createHttp2Server(handle as never) as unknown as Server)
  const lifecycle = createLifecycle({ env: {} })
  lifecycle.add(httpServer(server))
  lifecycle.add({ name: 'db', phase: 'connections', drain: () => void rows.push('db closed') })
  const port = await serve(server)
  await lifecycle.start()
  const asked = once(server, 'request')
  const answered = protocol === 'HTTP/1' ? await ask(port, method) : askHttp2(port, method)
  await asked
  if (when === 'before') {
    mayAnswer.open()
    await answered()
  }
  return {
    rows,
    closed: once(server, 'close'),
    go: () => mayWrite.open(),
    async stop() {
      const stopped = lifecycle.stop()
      mayAnswer.open()
      if (when === 'during') await answered()
      return stopped
    },
  }
}

async function ask(port: number, method: string): Promise<() => Promise<unknown>> {
  const client = await rawClient(port)
  client.send(`${method} /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok`)
  return () => client.until(/accepted/)
}

function askHttp2(port: number, method: string): () => Promise<unknown> {
  const session = connect(`http://127.0.0.1:${port}`)
  onTestFinished(() => session.destroy())
  const stream = session.request({ ':method': method, ':path': '/orders' })
  stream.end('ok')
  stream.resume()
  const over = once(stream, 'close')
  return () => over
}

const cases = (['HTTP/1', 'HTTP/2'] as const).flatMap((protocol) => (['before', 'during'] as const).map((when) => [protocol, when] as const))

// Catches: a row that is lost behind its answer, and called clean, because what the handler returned was looked at by nobody.
test.each(cases)('%s: what a handler does behind its answer, sent %s the stop, is waited for', async (protocol, when) => {
  const { rows, closed, go, stop } = await world(protocol, when)
  const stopped = stop()
  await closed
  go()
  const report = await stopped
  expect(rows).toEqual(['row', 'db closed'])
  expect(report).toMatchObject({ result: 'clean', steps: [{ name: 'http', outcome: 'drained', inFlight: { atStop: 1 }, work: { done: 1, unknown: 0 } }, {}] })
})

test.each(cases)('%s: … and is unknown where it takes more than 2 s, sent %s the stop', async (protocol, when) => {
  const { rows, stop } = await world(protocol, when)
  const report = await stop()
  expect(rows).toEqual(['db closed'])
  expect(report).toMatchObject({ result: 'unknown', steps: [{ outcome: 'unknown', work: { done: 0, unknown: 1, reasons: ['POST /orders: its answer was sent, and its handler had not ended'] } }, {}] })
})

test('a GET is over with its answer', async () => {
  const { stop } = await world('HTTP/1', 'before', 'GET')
  expect(await stop()).toMatchObject({ result: 'clean', steps: [{ outcome: 'idle' }, {}] })
})

/** Asks `count` times, one after the other, and waits until each answer is over; what the handler returns is given. */
async function askOften(count: number, returns: () => Promise<unknown>): Promise<HttpServerResource> {
  let onClosed = (): void => {}
  const handle = (_request: IncomingMessage, response: ServerResponse): Promise<unknown> => {
    response.on('close', () => onClosed()).end('accepted')
    return returns()
  }
  const server = createServer(handle as never)
  const resource = httpServer(server)
  const client = await rawClient(await serve(server))
  for (let index = 0; index < count; index += 1) {
    const closed = new Promise<void>((resolve) => (onClosed = resolve))
    client.send('POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n')
    await closed
  }
  return resource
}

function inFlightInStop(resource: HttpServerResource): number | undefined {
  resource.quiesce?.({ reason: { kind: 'programmatic' }, deadline: performance.now() + 1_000 })
  return resource.inFlight?.()
}

async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  // Of what a WeakRef was asked for in this turn of the loop, nothing is collected.
  for (let times = 0; times < 3; times += 1) {
    await new Promise((resolve) => setImmediate(resolve))
    collect()
  }
}

test('of the answers before a stop a thousand are remembered', async () => {
  const atWork: unknown[] = []
  const resource = await askOften(1_100, () => new Promise((resolve) => atWork.push(resolve)))
  await collectGarbage()
  expect(inFlightInStop(resource)).toBe(1_000)
  expect(atWork).toHaveLength(1_100)
})

// Catches: the bodies of the last thousand requests, kept by what their handlers returned.
test('… and with them nothing of what the handlers have returned', async () => {
  const returned: WeakRef<object>[] = []
  const resource = await askOften(20, async () => {
    const body = { rows: [] }
    returned.push(new WeakRef(body))
    return body
  })
  await collectGarbage()
  // The connection may have its last answer.
  expect(returned.filter((each) => each.deref() !== undefined).length).toBeLessThanOrEqual(1)
  expect(inFlightInStop(resource)).toBe(0)
})

// Catches: 2 s of every stop, and `unknown`, for handlers that wait for a `next` that whoever has answered does not call.
test('a handler that nobody can wake any more is not at work', async () => {
  const resource = await askOften(20, () => new Promise(() => {}))
  await collectGarbage()
  expect(inFlightInStop(resource)).toBeLessThanOrEqual(1)
})

test('a handler of a request that asked first (Expect: 100-continue) is waited for, too', async () => {
  const mayWrite = gate()
  const rows: string[] = []
  const server = createServer()
  server.on('checkContinue', (async (request: IncomingMessage, response: ServerResponse) => {
    response.writeContinue()
    request.resume()
    response.end('accepted')
    await mayWrite.opened
    rows.push('row')
  }) as never)
  const lifecycle = createLifecycle({ env: {} })
  lifecycle.add(httpServer(server))
  const port = await serve(server)
  await lifecycle.start()
  const client = await rawClient(port)
  client.send('POST /orders HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok')
  await client.until(/accepted/)
  const closed = once(server, 'close')
  const stopped = lifecycle.stop()
  await closed
  mayWrite.open()
  expect(await stopped).toMatchObject({ result: 'clean', steps: [{ work: { done: 1, unknown: 0 } }] })
  expect(rows).toEqual(['row'])
})

test('a server whose start failed may be given to another resource', async () => {
  const taken = createServer()
  const port = await serve(taken)
  const server = createServer()
  const resource = httpServer(server, { listen: { port, host: '127.0.0.1' } })
  await expect(Promise.resolve(resource.start?.({ signal: new AbortController().signal }))).rejects.toThrow('EADDRINUSE')
  expect(() => httpServer(server)).not.toThrow()
})
