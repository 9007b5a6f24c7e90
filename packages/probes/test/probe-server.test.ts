import { once } from 'node:events'
import { createServer, request, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLifecycle, LifecycleError, type Lifecycle } from '@lameduck/core'
import { afterEach, describe, expect, test } from 'vitest'
import { probeListener, probeServer, type ProbeServerResource } from '../src/index.ts'

const host = '127.0.0.1'
const lifecycles: Lifecycle[] = []
afterEach(async () => {
  await Promise.all(lifecycles.splice(0).map((lifecycle) => lifecycle.stop()))
})

function world(): { lifecycle: Lifecycle; probes: ProbeServerResource } {
  const lifecycle = createLifecycle({ env: {} })
  lifecycles.push(lifecycle)
  const probes = probeServer(lifecycle, { port: 0, host })
  lifecycle.add(probes)
  return { lifecycle, probes }
}

function portOf(probes: ProbeServerResource): number {
  return probes.address()?.port ?? -1
}

async function ask(port: number, path: string, method = 'GET'): Promise<{ status: number; body: string; headers: Record<string, unknown> }> {
  const call = request({ host, port, path, method, agent: false }).end()
  const [response] = (await once(call, 'response')) as [IncomingMessage]
  let body = ''
  for await (const chunk of response.setEncoding('utf8')) body += String(chunk)
  return { status: response.statusCode ?? 0, body, headers: response.headers }
}

describe('probeServer', () => {
  test('answers while the others start, through the whole drain, and is gone when all is over', async () => {
    const { lifecycle, probes } = world()
    let started = (): void => {}
    let drained = (): void => {}
    const seen: string[] = []
    const look = async (): Promise<void> => {
      const answers = await Promise.all(['/livez', '/startupz', '/readyz'].map((path) => ask(portOf(probes), path)))
      seen.push(answers.map((answer) => answer.status).join(' '))
    }
    const starting = new Promise<void>((resolve) => {
      lifecycle.add({
        name: 'slow',
        phase: 'intake',
        start: () => {
          resolve()
          return new Promise((done) => (started = done))
        },
        drain: () => new Promise<void>((done) => (drained = done)),
      })
    })
    const start = lifecycle.start()
    await starting
    await look()
    started()
    await start
    await look()
    const port = portOf(probes)
    const stopped = lifecycle.stop()
    await look()
    expect((await ask(port, '/readyz')).body).toMatch(/^not ready: draining, \d+ ms left\n$/)
    drained()
    const report = await stopped
    expect(seen).toEqual(['200 503 503', '200 200 200', '200 200 503'])
    expect(report.result).toBe('clean')
    await expect(ask(port, '/livez')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(probes.address()).toBeUndefined()
  })

  test('serves HEAD without a body, refuses POST, knows no other path', async () => {
    const { lifecycle, probes } = world()
    await lifecycle.start()
    const head = await ask(portOf(probes), '/readyz', 'HEAD')
    expect(head).toMatchObject({ status: 200, body: '', headers: { 'content-length': '6', 'cache-control': 'no-store' } })
    expect(await ask(portOf(probes), '/readyz', 'POST')).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
    expect(await ask(portOf(probes), '/metrics')).toMatchObject({ status: 404 })
  })

  test('a taken port rejects the start with what to do', async () => {
    const taken = createServer().listen(0, host)
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const lifecycle = createLifecycle({ env: {} })
    lifecycle.add(probeServer(lifecycle, { port, host }))
    await expect(lifecycle.start()).rejects.toThrow(
      `probes cannot listen on 127.0.0.1:${port}: it is in use (EADDRINUSE). Give the probes a port of their own, or stop the process that listens there.`,
    )
    taken.close()
  })

  test('listens on every interface unless told otherwise, and warns of loopback', async () => {
    const lifecycle = createLifecycle({ env: {} })
    lifecycles.push(lifecycle)
    const everywhere = probeServer(lifecycle, { port: 0 })
    expect(everywhere.warnings).toEqual([])
    await everywhere.start?.({ signal: new AbortController().signal })
    expect(['::', '0.0.0.0']).toContain(everywhere.address()?.address)
    await everywhere.force?.({ reason: { kind: 'programmatic' }, boundMs: 100 })
    for (const loopback of ['127.0.0.1', '::1', 'localhost']) {
      expect(probeServer(lifecycle, { port: 0, host: loopback }).warnings).toEqual([expect.stringContaining(`listens on ${loopback} only`)])
    }
  })

  test('a start that is aborted leaves nothing listening', async () => {
    const { lifecycle, probes } = world()
    const start = lifecycle.start()
    const stopped = lifecycle.stop()
    await expect(start).rejects.toBeInstanceOf(LifecycleError)
    await stopped
    expect(probes.address()).toBeUndefined()
  })

  test('refuses a port that is none', () => {
    expect(() => probeServer(createLifecycle({ env: {} }), { port: 70_000 })).toThrow('70000 (number)')
  })
})

describe('probeListener', () => {
  test('works beside the service on its own port', async () => {
    const lifecycle = createLifecycle({ env: {} })
    lifecycle.add({ name: 'pg', phase: 'connections', check: () => {}, drain: () => {} })
    await lifecycle.start()
    const probes = probeListener(lifecycle)
    const server = createServer((req, res) => void (probes(req, res) || res.end('the app')))
    await once(server.listen(0, host), 'listening')
    const { port } = server.address() as AddressInfo
    expect(await ask(port, '/orders')).toMatchObject({ status: 200, body: 'the app' })
    expect(await ask(port, '/readyz?verbose')).toMatchObject({ status: 200, body: '[+]pg ok\nready\n' })
    await lifecycle.stop()
    expect(await ask(port, '/readyz')).toMatchObject({ status: 503, body: 'not ready: stopped\n' })
    server.close()
    server.closeAllConnections()
  })
})
