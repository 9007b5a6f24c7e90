import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server, type ClientHttp2Session, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import { connect } from 'node:net'
import { createLifecycle, LifecycleError } from '@lameduck/core'
import { markProbe, probeListener } from '@lameduck/probes'
import { expect, onTestFinished, test } from 'vitest'
import { httpServer, type HttpServerOptions, type HttpServerResource, type NotWork } from '../src/index.ts'
import { drainContext, quiesceContext } from './support/context.ts'
import { get, rawClient, type RawClient } from './support/raw-client.ts'
import { gate, serve } from './support/serve.ts'

/** A server whose stop has begun, with one connection. */
async function stopping(options: HttpServerOptions = {}, server: Server = createServer((_request, response) => void response.end('ok'))): Promise<{ resource: HttpServerResource; client: RawClient; port: number }> {
  const resource = httpServer(server, options)
  const port = await serve(server)
  resource.quiesce?.(quiesceContext)
  return { resource, client: await rawClient(port), port }
}

async function ask(client: RawClient, path: string, headers?: string): Promise<void> {
  client.send(get(path, headers))
  await client.until(/ok$|0\r\n\r\n$/)
}

test('a connection on which nothing is asked is no arrival, and a request is one, also while it is in flight and when its client has left', async () => {
  const due = gate()
  const server = createServer((_request, response) => void due.opened.then(() => response.end('ok')))
  const resource = httpServer(server)
  const port = await serve(server)
  const early = await rawClient(port)
  early.send(get('/'))
  await once(server, 'request')
  resource.quiesce?.(quiesceContext)
  // As kubelet's tcpSocket probe does, and many balancers.
  const connected = once(server, 'connection')
  connect({ port, host: '127.0.0.1' }, function (this: { end(): void }) {
    this.end()
  })
  await connected
  await expect.poll(() => resource.stats().sockets).toMatchObject({ unused: 0, active: 1 })
  expect(resource.lastArrival?.()).toBeUndefined()

  const before = performance.now()
  const client = await rawClient(port)
  client.send(get('/'))
  await once(server, 'request')
  const arrival = Number(resource.lastArrival?.())
  expect(arrival).toBeGreaterThan(before)
  client.socket.destroy()
  await expect.poll(() => resource.inFlight?.()).toBe(1)
  expect(resource.lastArrival?.()).toBe(arrival)
  due.open()
  await early.until(/ok$/)
  expect(resource.lastArrival?.()).toBe(arrival)
})

// Catches: counting every request, by which /readyz every second stretches each lame duck from its minimum to its maximum.
test('what @lameduck/probes answers does not stretch the lame duck', async () => {
  const lifecycle = createLifecycle({ env: {}, policy: { graceMs: 20_000, lameDuck: { minMs: 700, quietMs: 700, maxMs: 8_000 } } })
  const probes = probeListener(lifecycle)
  const server = createServer((request, response) => probes(request, response) || response.end('ok'))
  lifecycle.add(httpServer(server))
  const port = await serve(server)
  await lifecycle.start()
  let asked = 0
  const prober = setInterval(() => {
    asked += 1
    void rawClient(port).then((client) => client.send(get('/readyz')), () => {})
  }, 100)
  onTestFinished(() => clearInterval(prober))
  const ended = new Promise((resolve) => {
    lifecycle.subscribe((event) => {
      if (event.type === 'lame-duck-ended') resolve(event)
    })
  })
  const report = await lifecycle.stop()
  expect(asked).toBeGreaterThan(3)
  expect(await ended).toMatchObject({ why: 'quiet' })
  expect(report.tookMs).toBeLessThan(3_000)
})

test('… nor does it while it waits for a check, and not behind a mount that changes the path', async () => {
  const lifecycle = createLifecycle({ env: {} })
  const due = gate()
  lifecycle.add({ name: 'slow', phase: 'connections', check: () => due.opened, drain: () => {} })
  const probes = probeListener(lifecycle, { checkTimeoutMs: 5_000 })
  const server = createServer((request, response) => {
    request.url = request.url?.slice('/internal'.length)
    return probes(request, response) || response.end('ok')
  })
  const { resource, client, port } = await stopping({}, server)
  client.send(get('/internal/readyz?verbose'))
  await once(server, 'request')
  expect(resource.inFlight?.()).toBe(1)
  expect(resource.lastArrival?.()).toBeUndefined()
  due.open()
  await client.until(/ready/)
  expect(resource.lastArrival?.()).toBeUndefined()

  await ask(await rawClient(port), '/internal/orders')
  expect(resource.lastArrival?.()).toBeDefined()
})

const known = [
  ['/', 'User-Agent: kube-probe/1.31\r\n'],
  ['/', 'User-Agent: ELB-HealthChecker/2.0\r\n'],
  ['/', 'User-Agent: GoogleHC/1.0\r\n'],
  ['/', 'User-Agent: Consul Health Check\r\n'],
  ['/', 'User-Agent: Envoy/HC\r\n'],
  ['/metrics', 'User-Agent: Prometheus/3.5.0\r\n'],
  ['/', 'User-Agent: Blackbox Exporter/0.26.0\r\n'],
] as const

test.each(known)('a known checker is no arrival: %s %s', async (path, headers) => {
  const { resource, client, port } = await stopping()
  await ask(client, path, headers)
  expect(resource.lastArrival?.()).toBeUndefined()
  await ask(await rawClient(port), path, `X-Was: ${headers}`)
  expect(resource.lastArrival?.()).toBeDefined()
})

const named: readonly [NotWork, readonly string[], readonly string[]][] = [
  [['/healthz', '/metrics'], ['/healthz', '/metrics?format=text'], ['/', '/healthz/', '/healthz/deep', '/Healthz', '/x?path=/healthz']],
  [['/internal/*'], ['/internal/', '/internal/a/b?c'], ['/internal', '/internals/a', '/a/internal/']],
  [({ method, url, headers }) => method === 'GET' && url.startsWith('/ping') && headers['x-balancer'] === undefined, ['/ping?now'], ['/pong']],
]

test.each(named)('the application names what is no work: %s', async (notWork, no, yes) => {
  for (const path of no) {
    const { resource, client } = await stopping({ notWork })
    await ask(client, path)
    expect([path, resource.lastArrival?.()]).toEqual([path, undefined])
  }
  for (const path of yes) {
    const { resource, client } = await stopping({ notWork })
    await ask(client, path)
    expect([path, resource.lastArrival?.()]).toEqual([path, expect.any(Number)])
  }
})

test('it is finished all the same, and counted', async () => {
  const due = gate()
  const server = createServer((_request, response) => void due.opened.then(() => response.end('ok')))
  const { resource, client } = await stopping({ notWork: ['/metrics'] }, server)
  client.send(get('/metrics'))
  await once(server, 'request')
  const drained = Promise.resolve(resource.drain(drainContext()))
  due.open()
  await client.until(/ok$/)
  await drained
  expect(resource.tally?.()).toMatchObject({ done: 1, failed: 0 })
})

// Catches: an exception in a listener of a diagnostics channel, which Node makes an uncaught one.
test('a function that throws leaves requests work, is told in the report, and ends nothing', async () => {
  const lifecycle = createLifecycle({ env: {}, policy: { lameDuck: { minMs: 50, quietMs: 20, maxMs: 300 } } })
  const server = createServer((_request, response) => void response.end('ok'))
  lifecycle.add(
    httpServer(server, {
      notWork: () => {
        throw new Error('no idea')
      },
    }),
  )
  const port = await serve(server)
  await lifecycle.start()
  const stopped = lifecycle.stop()
  await ask(await rawClient(port), '/')
  const { steps } = await stopped
  expect(steps.find(({ name }) => name === 'lame duck')?.errors).toEqual([expect.stringMatching(/^http: lastArrival: no idea/)])
})

test.each([['healthz'], '/healthz', ['/a?b'], ['/a*'], ['/*/b'], [7], 7].map((notWork) => [notWork]))('refuses %j', (notWork) => {
  expect(() => httpServer(createServer(), { notWork: notWork as never })).toThrow(LifecycleError)
})

test('on HTTP/2 as well: by path, User-Agent, gRPC health checks, and by the mark of a probe', async () => {
  const lifecycle = createLifecycle({ env: {} })
  const probes = probeListener(lifecycle)
  const server = createHttp2Server((request: Http2ServerRequest, response: Http2ServerResponse) => {
    if (request.url === '/mine') markProbe(request)
    if (!probes(request as unknown as IncomingMessage, response as never)) response.end('ok')
  })
  const resource = httpServer(server, { notWork: ['/healthz'] })
  const client = connectHttp2(`http://127.0.0.1:${await serve(server)}`)
  onTestFinished(() => client.destroy())
  resource.quiesce?.(quiesceContext)
  await askHttp2(client, { ':path': '/healthz' })
  await askHttp2(client, { ':path': '/', 'user-agent': 'kube-probe/1.31 grpc-go/1.70' })
  await askHttp2(client, { ':path': '/grpc.health.v1.Health/Check', ':method': 'POST' })
  await askHttp2(client, { ':path': '/livez' })
  await askHttp2(client, { ':path': '/mine' })
  expect(resource.lastArrival?.()).toBeUndefined()
  await askHttp2(client, { ':path': '/orders' })
  expect(resource.lastArrival?.()).toBeDefined()
  expect(resource.tally?.()).toMatchObject({ done: 6, failed: 0 })
})

async function askHttp2(client: ClientHttp2Session, headers: Record<string, string>): Promise<void> {
  const stream = client.request(headers).resume()
  await once(stream, 'close')
}
