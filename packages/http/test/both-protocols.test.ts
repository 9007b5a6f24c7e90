import { once } from 'node:events'
import { Agent, request as httpsRequest } from 'node:https'
import { connect, createSecureServer, type ClientHttp2Session, type Http2SecureServer } from 'node:http2'
import { expect, onTestFinished, test } from 'vitest'
import { httpServer } from '../src/index.ts'
import { cert, key } from './support/certificate.ts'
import { drainContext, quiesceContext, within } from './support/context.ts'
import { gate, plainClose, serve } from './support/serve.ts'

// Catches: `server.close()`, which closes no session on Node ≤ 22, and on every Node leaves the HTTP/1 socket to its keep-alive timeout.
test('allowHTTP1: HTTP/1 and HTTP/2 clients of one server are served together to the end', async () => {
  const naive = await clientsOfBoth()
  const closed = plainClose(naive.server)
  naive.due.open()
  await Promise.all(naive.slow)
  expect(await within(300, closed)).toBe('pending')

  const real = await clientsOfBoth(httpServer)
  real.resource?.quiesce?.(quiesceContext)
  const headers = await Promise.all(Array.from({ length: 20 }, () => Promise.all([real.ask1('/quick'), real.ask2('/quick')])))
  expect(headers).toEqual(Array.from({ length: 20 }, () => ['close', undefined]))
  const drained = Promise.resolve(real.resource?.drain(drainContext()))
  expect(await within(100, drained)).toBe('pending')
  real.due.open()
  expect(await Promise.all(real.slow)).toEqual(['close', undefined])
  expect(await within(1_000, drained)).toBeUndefined()
})

async function clientsOfBoth<R>(attach?: (server: Http2SecureServer) => R) {
  const due = gate()
  const server = createSecureServer({ key, cert, allowHTTP1: true }, (request, response) => {
    if (request.url === '/slow') void due.opened.then(() => response.end('ok'))
    else response.end('ok')
  })
  const resource = attach?.(server)
  const port = await serve(server)
  const agent = new Agent({ keepAlive: true })
  const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
  session.on('error', () => {})
  onTestFinished(() => {
    agent.destroy()
    session.destroy()
  })
  const ask1 = (path: string): Promise<string | undefined> => askHttp1(port, agent, path)
  const ask2 = (path: string): Promise<undefined> => askHttp2(session, path)
  const arrived = arrivals(server, 2)
  const slow = [ask1('/slow'), ask2('/slow')]
  await arrived
  return { server, resource, due, slow, ask1, ask2 }
}

function arrivals(server: Http2SecureServer, wanted: number): Promise<void> {
  let seen = 0
  return new Promise((resolve) => {
    server.on('request', () => (seen += 1) === wanted && resolve())
  })
}

/** Resolves with the answer's `Connection` header. */
async function askHttp1(port: number, agent: Agent, path: string): Promise<string | undefined> {
  const [response] = await once(httpsRequest({ port, host: '127.0.0.1', path, agent, rejectUnauthorized: false }).end(), 'response')
  await once(response.resume(), 'end')
  return response.headers.connection
}

async function askHttp2(session: ClientHttp2Session, path: string): Promise<undefined> {
  const stream = session.request({ ':path': path })
  const [headers] = await once(stream, 'response')
  await once(stream.resume(), 'end')
  return headers.connection
}

// Catches: `setHeader('Connection', 'close')` on every answer, which HTTP/2 forbids: Node drops it with a warning.
test('no Connection header on HTTP/2, and no process warning', async () => {
  const warnings: string[] = []
  const onWarning = (warning: Error): void => void warnings.push(warning.name)
  process.on('warning', onWarning)
  onTestFinished(() => void process.off('warning', onWarning))

  // The real one first: Node warns once in a process.
  const real = await clientsOfBoth(httpServer)
  real.resource?.quiesce?.(quiesceContext)
  real.due.open()
  expect(await Promise.all([...real.slow, real.ask2('/quick')])).toEqual(['close', undefined, undefined])
  await new Promise(setImmediate)
  expect(warnings).toEqual([])

  const naive = await clientsOfBoth()
  naive.server.prependListener('request', (_request, response) => response.setHeader('Connection', 'close'))
  await naive.ask2('/quick')
  naive.due.open()
  await Promise.all(naive.slow)
  await expect.poll(() => warnings).toEqual(['UnsupportedWarning'])
})
