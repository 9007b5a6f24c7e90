import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import { createLifecycle } from '@lameduck/core'
import { expect, onTestFinished, test } from 'vitest'
import { httpServer } from '../src/index.ts'
import { get, rawClient, type RawClient } from './support/raw-client.ts'
import { serve } from './support/serve.ts'

// Catches: a default that is right for a laptop, in silence, behind a balancer that goes on sending requests.
test.each(['X-Forwarded-For: 10.0.0.1', 'forwarded: for=10.0.0.1', 'Via: 1.1 vegur'])('a request with %s tells that something stands in front, and the plan warns', async (header) => {
  const lifecycle = createLifecycle({ env: {} })
  const server = createServer((_request, response) => void response.end('ok'))
  lifecycle.add(httpServer(server))
  const client = await rawClient(await serve(server))
  await lifecycle.start()
  client.send(get('/'))
  await client.until(/ok$/)
  expect(lifecycle.plan().warnings).toEqual([])
  client.send(get('/', `${header}\r\n`))
  await client.until(/ok[^]*ok$/)
  // It stays known.
  client.send(get('/'))
  await client.until(/ok[^]*ok[^]*ok$/)
  const name = header.slice(0, header.indexOf(':'))
  expect(lifecycle.plan().warnings).toEqual([expect.stringMatching(new RegExp(`^http seems to be behind a balancer \\(requests with ${name}\\), but the service has no lame duck`, 'i'))])
  expect((await lifecycle.stop()).warnings).toHaveLength(1)
})

test('on HTTP/2 as well', async () => {
  const server = createHttp2Server((_request, response) => response.end('ok'))
  const resource = httpServer(server)
  const client = connectHttp2(`http://127.0.0.1:${await serve(server)}`)
  onTestFinished(() => client.destroy())
  await once(client.request({ ':path': '/', 'x-forwarded-for': '10.0.0.1' }).resume(), 'close')
  expect(resource.behind?.()).toBe('requests with X-Forwarded-For')
})

test('only the first hundred requests are looked at', async () => {
  const server = createServer((_request, response) => void response.end('ok'))
  const resource = httpServer(server)
  const client = await rawClient(await serve(server))
  client.send(get('/').repeat(100))
  await expect.poll(() => answers(client)).toBe(100)
  client.send(get('/', 'X-Forwarded-For: 10.0.0.1\r\n'))
  await expect.poll(() => answers(client)).toBe(101)
  expect(resource.behind?.()).toBeUndefined()
})

test('upstreamIdleMs says it too', () => {
  const lifecycle = createLifecycle({ env: {} })
  lifecycle.add(httpServer(createServer({ keepAliveTimeout: 65_000 }), { upstreamIdleMs: 60_000 }))
  expect(lifecycle.plan().warnings).toEqual([expect.stringMatching(/^http seems to be behind a balancer \(upstreamIdleMs is given\)/)])
})

function answers(client: RawClient): number {
  return client.text().split('\r\n\r\nok').length - 1
}
