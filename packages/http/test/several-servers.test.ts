import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, get as httpGet, type Server } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLifecycle } from '@lameduck/core'
import { probeServer } from '@lameduck/probes'
import { expect, onTestFinished, test } from 'vitest'
import { httpServer } from '../src/index.ts'
import { get, rawClient, watch } from './support/raw-client.ts'
import { gate, serve } from './support/serve.ts'

// Catches: closing every server at the signal: kubelet finds no liveness probe, and an operator nothing at all.
test('probes answer until the last request of the other servers is answered', async () => {
  const due = gate()
  const slow = (): Server => createServer((_request, response) => void due.opened.then(() => response.end('ok')))
  const naive = createServer((_request, response) => void response.end('alive'))
  const naivePort = await serve(naive)
  naive.close()
  expect(await statusOf(naivePort, '/livez')).toBe('ECONNREFUSED')

  const lifecycle = createLifecycle({ env: {} })
  const [app, admin] = [slow(), slow()]
  const probes = probeServer(lifecycle, { port: 0, host: '127.0.0.1' })
  lifecycle.add(httpServer(app, { name: 'app' }))
  lifecycle.add(httpServer(admin, { name: 'admin' }))
  lifecycle.add(probes)
  const clients = [await rawClient(await serve(app)), await rawClient(await serve(admin))]
  await lifecycle.start()
  const { port } = probes.address() as { port: number }
  expect(await statusOf(port, '/readyz')).toBe(200)
  for (const client of clients) client.send(get('/'))
  await Promise.all([once(app, 'request'), once(admin, 'request')])

  const stopped = lifecycle.stop()
  await expect.poll(() => app.listening || admin.listening).toBe(false)
  expect(await statusOf(port, '/livez')).toBe(200)
  expect(await statusOf(port, '/readyz')).toBe(503)
  due.open()
  for (const client of clients) expect(await client.until(/ok$/)).toMatch(/connection: close/i)

  expect(await stopped).toMatchObject({ result: 'clean' })
  await expect.poll(() => statusOf(port, '/livez')).toBe('ECONNREFUSED')
})

test('a server on a unix socket and one on a port are drained together, and the file is gone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lameduck-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'server.sock')
  const due = gate()
  const answer = (server: Server): Server =>
    server.on('request', (request, response) => (request.url === '/slow' ? void due.opened.then(() => response.end('ok')) : response.end('ok')))
  const [local, open] = [answer(createServer()), answer(createServer())]
  const lifecycle = createLifecycle({ env: {} })
  const resource = httpServer(local, { name: 'local', listen: { path } })
  lifecycle.add(resource)
  lifecycle.add(httpServer(open, { name: 'open' }))
  const port = await serve(open)
  await lifecycle.start()
  const [idle, unused, busy, other] = [watch(connect(path)), watch(connect(path)), watch(connect(path)), await rawClient(port)]
  idle.send(get('/'))
  await idle.until(/ok$/)
  busy.send(get('/slow'))
  other.send(get('/slow'))
  await expect.poll(() => resource.stats().sockets).toMatchObject({ idle: 1, unused: 1, active: 1 })

  const stopped = lifecycle.stop()
  expect(await idle.ended).toBe('end')
  expect(await unused.ended).toBe('end')
  due.open()
  for (const client of [busy, other]) expect(await client.until(/ok$/)).toMatch(/connection: close/i)
  expect(await stopped).toMatchObject({ result: 'clean' })
  const error = await once(connect(path), 'error').then(([each]: NodeJS.ErrnoException[]) => each?.code)
  expect(error).toBe('ENOENT')
})

function statusOf(port: number, path: string): Promise<number | string | undefined> {
  return new Promise((resolve) => {
    const asked = httpGet({ port, path, host: '127.0.0.1', agent: false }, (response) => resolve(response.resume().statusCode))
    asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
  })
}

// Catches: 502 for every request whose handler calls another server of the same process.
test.each([
  ['needed by the caller is there until its last request is answered', true, 200, 'clean'],
  ['that nobody needs has gone before', false, 502, 'clean'],
])('an internal server %s', async (_how, isNeeded, status, result) => {
  const due = gate()
  const store = createServer((_request, response) => void response.end('stored'))
  const storePort = await serve(store)
  const shop = createServer((_request, response) => {
    const storing = due.opened.then(() => fetch(`http://127.0.0.1:${storePort}`, { method: 'POST' })).then((answer) => answer.status)
    void storing.catch(() => 502).then((code) => response.writeHead(code).end())
  })
  const shopPort = await serve(shop)
  const lifecycle = createLifecycle({ env: {} })
  const internal = lifecycle.add(httpServer(store, { name: 'internal' }))
  lifecycle.add(httpServer(shop, { name: 'public' }), { needs: isNeeded ? [internal] : [] })
  await lifecycle.start()
  const asked = once(shop, 'request')
  const answer = statusOf(shopPort, '/')
  await asked

  const stopped = lifecycle.stop()
  if (!isNeeded) await expect.poll(() => store.listening).toBe(false)
  due.open()
  expect([await answer, (await stopped).result]).toEqual([status, result])
})
