import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { createLifecycle, type Lifecycle, type LifecycleEvent, type PolicyOptions } from '@lameduck/core'
import { afterEach, expect, test } from 'vitest'
import { probeServer } from '../src/index.ts'

const secret = 'correct horse battery staple'
const authorization = `Bearer ${secret}`

/** As the kubelet does, with the manifest's `httpHeaders`. */
const call = (base: string, options: RequestInit = {}): Promise<Response> => fetch(`${base}/prestop`, { ...options, headers: { authorization } })

const lifecycles: Lifecycle[] = []
afterEach(async () => {
  await Promise.all(lifecycles.splice(0).map((lifecycle) => lifecycle.stop()))
})

interface World {
  readonly lifecycle: Lifecycle
  readonly base: string
  readonly events: readonly LifecycleEvent[]
}

async function world(lameDuck: PolicyOptions['lameDuck']): Promise<World> {
  const lifecycle = createLifecycle({ env: {}, policy: { graceMs: 60_000, lameDuck: { maxMs: 60_000, ...lameDuck } } })
  lifecycles.push(lifecycle)
  const events: LifecycleEvent[] = []
  lifecycle.subscribe((event) => void events.push(event))
  const probes = probeServer(lifecycle, { port: 0, host: '127.0.0.1', preStop: { path: '/prestop', secret } })
  lifecycle.add(probes)
  await lifecycle.start()
  return { lifecycle, base: `http://127.0.0.1:${probes.address()?.port}`, events }
}

test('not ready at once, answered when the lame duck is over, and the time is taken off the grace period', async () => {
  const { lifecycle, base, events } = await world({ minMs: 200 })
  const answer = await (await call(base)).text()
  expect(Number(/^waited (\d+) ms\n$/.exec(answer)?.[1])).toBeGreaterThanOrEqual(199)
  const ready = await fetch(`${base}/readyz`)
  expect([ready.status, await ready.text()]).toEqual([503, 'not ready: held: preStop\n'])
  expect((await fetch(`${base}/livez`)).status).toBe(200)
  expect(events.filter(({ type }) => type === 'pre-stop')).toHaveLength(1)
  expect((await lifecycle.stop({ kind: 'signal', signal: 'SIGTERM', interactive: false })).budgetSource).toMatch(/ of preStop, measured$/)
})

test('a repeated call waits for the end of the first, however that was announced, and does not begin anew', async () => {
  const { lifecycle, base, events } = await world({ minMs: 100 })
  lifecycle.preStop()
  const early = await (await call(base)).text()
  await delay(150)
  const late = await (await call(base)).text()
  const waitedMs = [early, late].map((text) => Number(/^waited (\d+) ms\n$/.exec(text)?.[1]))
  // One that began anew would have waited 100 ms each time.
  expect(waitedMs[0]).toBeGreaterThanOrEqual(99)
  expect(waitedMs[1]).toBeGreaterThanOrEqual(248)
  expect(events.filter(({ type }) => type === 'pre-stop')).toHaveLength(1)
})

test('the signal ends it, also when it has been given up by its caller', async () => {
  const { lifecycle, base, events } = await world({ minMs: 50_000 })
  const givenUp = new AbortController()
  const abandoned = call(base, { signal: givenUp.signal })
  while (!events.some(({ type }) => type === 'pre-stop')) await fetch(`${base}/livez`)
  givenUp.abort()
  await expect(abandoned).rejects.toThrow()
  const last = get(`${base}/prestop`, { agent: false, headers: { authorization } })
  await once(last, 'finish')
  // It has been received when a later request on another connection is answered.
  await fetch(`${base}/livez`)
  const answered = once(last, 'response') as Promise<[IncomingMessage]>
  const stopped = lifecycle.stop()
  expect((await answered)[0].statusCode).toBe(200)
  expect((await stopped).result).toBe('clean')
})

test('is not called by HEAD or POST, nor by another path', async () => {
  const { base, events } = await world({ minMs: 0 })
  const calls = [['HEAD', '/prestop'], ['POST', '/prestop'], ['GET', '/prestop/'], ['GET', '/prestop?x']] as const
  const statuses = await Promise.all(calls.map(async ([method, path]) => (await fetch(`${base}${path}`, { method, headers: { authorization } })).status))
  expect(statuses).toEqual([404, 404, 404, 404])
  expect(events.filter(({ type }) => type === 'pre-stop')).toEqual([])
})

test('there is none unless its path is given, and it must be a path of its own', async () => {
  const lifecycle = createLifecycle({ env: {} })
  lifecycles.push(lifecycle)
  const probes = probeServer(lifecycle, { port: 0, host: '127.0.0.1' })
  lifecycle.add(probes)
  await lifecycle.start()
  expect((await fetch(`http://127.0.0.1:${probes.address()?.port}/prestop`)).status).toBe(404)
  for (const path of ['/livez', '/readyz/pg', 'prestop', '/prestop/', '']) {
    expect(() => probeServer(lifecycle, { port: 0, preStop: { path, secret } })).toThrow(/^preStop.path must .*it is ".*" \(string\)$/)
  }
})

// Catches: a stranger's GET, which took the replica out of its balancer, and 28 of 29 s from the stop that came later.
test.each([
  ['no header', {}],
  ['another secret', { authorization: `Bearer ${'x'.repeat(secret.length)}` }],
  ['the secret alone', { authorization: secret }],
  ['its beginning', { authorization: authorization.slice(0, -1) }],
  ['a long header', { authorization: `Bearer ${'x'.repeat(4_000)}` }],
])('without the secret there is no such path: %s', async (_what, headers) => {
  const { lifecycle, base, events } = await world({ minMs: 0 })
  const { status } = await fetch(`${base}/prestop`, { headers: headers as Record<string, string> })
  await fetch(`${base}/prestop`, { headers: headers as Record<string, string> })
  expect({ status, isReady: lifecycle.isReady, announced: events.filter(({ type }) => type === 'pre-stop') }).toEqual({ status: 404, isReady: true, announced: [] })
  expect(events.flatMap((event) => (event.type === 'warning' && !event.message.startsWith('probes: listens') ? [event.message] : []))).toEqual([expect.stringMatching(/^\/prestop was called (?:without its secret|with another secret)/)])
  const report = await lifecycle.stop({ kind: 'signal', signal: 'SIGTERM', interactive: false })
  expect(report).toMatchObject({ budgetMs: 59_000, budgetSource: 'policy.graceMs' })
})

test('the scheme may be written as HTTP allows, and a wrong secret is told apart from none', async () => {
  const { lifecycle, base, events } = await world({ minMs: 0 })
  expect((await fetch(`${base}/prestop`, { headers: { authorization: 'Bearer of bad news, again' } })).status).toBe(404)
  expect(events.flatMap((event) => (event.type === 'warning' && event.message.includes('/prestop') ? [event.message] : []))).toEqual([expect.stringContaining('/prestop was called with another secret than preStop.secret')])
  expect((await fetch(`${base}/prestop`, { headers: { authorization: `bearer ${secret}` } })).status).toBe(200)
  expect(lifecycle.isReady).toBe(false)
})

test('a hook without a secret is chosen, and warned of', async () => {
  const lifecycle = createLifecycle({ env: {} })
  lifecycles.push(lifecycle)
  const probes = probeServer(lifecycle, { port: 0, host: '127.0.0.1', preStop: { path: '/prestop', secret: false } })
  lifecycle.add(probes)
  await lifecycle.start()
  expect(probes.warnings).toContainEqual(expect.stringContaining('anybody who reaches the port can call /prestop'))
  expect((await fetch(`http://127.0.0.1:${probes.address()?.port}/prestop`)).status).toBe(200)
  expect(lifecycle.isReady).toBe(false)
})

test.each([undefined, null, '', 'short', true, 16, Buffer.alloc(32), `${secret}\n`, ` ${secret}`, 'sixteen letters ü'])('a secret that is none is refused: %j', (wrong) => {
  expect(() => probeServer(createLifecycle({ env: {} }), { port: 0, preStop: { path: '/prestop', secret: wrong as never } })).toThrow('preStop.secret must be a text of at least 16 characters, or false; it ')
})

test('options that are not known are refused, with the ones that were meant', () => {
  const lifecycle = createLifecycle({ env: {} })
  expect(() => probeServer(lifecycle, { port: 0, gateon: ['model'] } as never)).toThrow('probeServer(): the option gateon is not known; did you mean gateOn?')
  expect(() => probeServer(lifecycle, { port: 0, prestop: {} } as never)).toThrow('did you mean preStop?')
  expect(() => probeServer(lifecycle, { port: 0, preStop: { path: '/p', token: 'x' } } as never)).toThrow('preStop: the option token is not known; known are path, secret')
  expect(() => probeServer(lifecycle, { port: 0, paths: { readyz: '/r' } } as never)).toThrow('paths: the option readyz is not known; did you mean ready?')
})

// Catches: four calls a second, which keep the replica out for good.
test('after an announcement that no signal has followed, calls announce nothing for a grace period', async () => {
  const lifecycle = createLifecycle({ env: {}, policy: { graceMs: 60_000, lameDuck: { minMs: 0, maxMs: 0 } } })
  lifecycles.push(lifecycle)
  const announced: boolean[] = []
  lifecycle.subscribe((event) => void (event.type === 'pre-stop' && announced.push(event.announced)))
  const probes = probeServer(lifecycle, { port: 0, host: '127.0.0.1', preStop: { path: '/prestop', secret } })
  lifecycle.add(probes)
  await lifecycle.start()
  const base = `http://127.0.0.1:${probes.address()?.port}`
  await call(base)
  await expect.poll(() => announced, { timeout: 10_000 }).toEqual([true, false])
  expect((await call(base)).status).toBe(200)
  expect({ announced, isReady: lifecycle.isReady }).toEqual({ announced: [true, false], isReady: true })
})
