import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { createLifecycle, type Lifecycle, type LifecycleEvent, type PolicyOptions } from '@lameduck/core'
import { afterEach, expect, test } from 'vitest'
import { probeServer } from '../src/index.ts'

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
  const probes = probeServer(lifecycle, { port: 0, host: '127.0.0.1', preStopPath: '/prestop' })
  lifecycle.add(probes)
  await lifecycle.start()
  return { lifecycle, base: `http://127.0.0.1:${probes.address()?.port}`, events }
}

test('not ready at once, answered when the lame duck is over, and the time is taken off the grace period', async () => {
  const { lifecycle, base, events } = await world({ minMs: 200 })
  const answer = await (await fetch(`${base}/prestop`)).text()
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
  const early = await (await fetch(`${base}/prestop`)).text()
  await delay(150)
  const late = await (await fetch(`${base}/prestop`)).text()
  const waitedMs = [early, late].map((text) => Number(/^waited (\d+) ms\n$/.exec(text)?.[1]))
  // One that began anew would have waited 100 ms each time.
  expect(waitedMs[0]).toBeGreaterThanOrEqual(99)
  expect(waitedMs[1]).toBeGreaterThanOrEqual(248)
  expect(events.filter(({ type }) => type === 'pre-stop')).toHaveLength(1)
})

test('the signal ends it, also when it has been given up by its caller', async () => {
  const { lifecycle, base, events } = await world({ minMs: 50_000 })
  const givenUp = new AbortController()
  const abandoned = fetch(`${base}/prestop`, { signal: givenUp.signal })
  while (!events.some(({ type }) => type === 'pre-stop')) await fetch(`${base}/livez`)
  givenUp.abort()
  await expect(abandoned).rejects.toThrow()
  const call = get(`${base}/prestop`, { agent: false })
  await once(call, 'finish')
  // It has been received when a later request on another connection is answered.
  await fetch(`${base}/livez`)
  const answered = once(call, 'response') as Promise<[IncomingMessage]>
  const stopped = lifecycle.stop()
  expect((await answered)[0].statusCode).toBe(200)
  expect((await stopped).result).toBe('clean')
})

test('is not called by HEAD or POST, nor by another path', async () => {
  const { base, events } = await world({ minMs: 0 })
  const calls = [['HEAD', '/prestop'], ['POST', '/prestop'], ['GET', '/prestop/'], ['GET', '/prestop?x']] as const
  const statuses = await Promise.all(calls.map(async ([method, path]) => (await fetch(`${base}${path}`, { method })).status))
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
  for (const preStopPath of ['/livez', '/readyz/pg', 'prestop', '/prestop/', '']) {
    expect(() => probeServer(lifecycle, { port: 0, preStopPath })).toThrow(/^preStopPath must .*it is ".*" \(string\)$/)
  }
})
