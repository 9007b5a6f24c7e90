import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { createLifecycle, LifecycleError, type DrainContext } from '@lameduck/core'
import { expect, test } from 'vitest'
import { httpServer } from '../src/index.ts'
import { drainContext, within } from './support/context.ts'
import { get, rawClient } from './support/raw-client.ts'
import { gate, serve } from './support/serve.ts'

// Catches: telling a library that holds requests open after the drain, which has waited for them by then.
test('is called when the lame duck is over and nobody new comes in, with what is left of the time', async () => {
  const lifecycle = createLifecycle({ env: {}, policy: { graceMs: 9_000, lameDuck: { minMs: 200, quietMs: 0, maxMs: 200 } } })
  const polls: ServerResponse[] = []
  const server = createServer((_request, response) => void polls.push(response))
  let seen: { draining: boolean; listening: boolean; context: DrainContext } | undefined
  const onDrain = (context: DrainContext): void => {
    seen = { draining: lifecycle.draining.aborted, listening: server.listening, context }
    for (const response of polls) response.end('nothing new')
  }
  lifecycle.add(httpServer(server, { onDrain }))
  const client = await rawClient(await serve(server))
  await lifecycle.start()
  client.send(get('/poll'))
  await once(server, 'request')
  const report = await lifecycle.stop()
  expect(client.text()).toMatch(/^connection: close[^]*nothing new$/im)
  expect(seen).toMatchObject({ draining: true, listening: false })
  expect(seen?.context.remaining()).toBeGreaterThan(1_000)
  expect(report).toMatchObject({ result: 'clean' })
  expect(report.tookMs).toBeLessThan(1_500)
})

test('the drain waits for what it returns, and goes on meanwhile', async () => {
  const due = gate()
  const server = createServer((_request, response) => void response.end('ok'))
  const resource = httpServer(server, { onDrain: () => due.opened })
  const client = await rawClient(await serve(server))
  client.send(get('/'))
  await client.until(/ok$/)
  const drained = Promise.resolve(resource.drain(drainContext()))
  // Catches: waiting for it first. Many libraries' close waits for connections that only the drain ends.
  expect(await client.ended).toBe('end')
  expect(await within(150, drained)).toBe('pending')
  due.open()
  expect(await drained).toBeUndefined()
})

// Catches: `http (0 in flight)`, which says nothing of what the stop is waiting for.
test('it is what the server waits for, while it runs', async () => {
  const due = gate()
  const server = createServer()
  const resource = httpServer(server, { onDrain: () => due.opened })
  await serve(server)
  const drained = Promise.resolve(resource.drain(drainContext()))
  await expect.poll(() => resource.waitingFor?.()).toEqual([expect.stringMatching(/^onDrain \d+ ms$/)])
  due.open()
  await drained
  expect(resource.waitingFor?.()).toEqual([])
})

test.each(['throws', 'rejects'])('what it %s fails the step, when everything else is done', async (how) => {
  const lifecycle = createLifecycle({ env: {} })
  const due = gate()
  const server = createServer((_request, response) => void due.opened.then(() => response.end('ok')))
  const fails = (): void => {
    setTimeout(() => due.open(), 100)
    throw new Error('cannot say goodbye')
  }
  lifecycle.add(httpServer(server, { onDrain: how === 'throws' ? fails : async () => fails() }))
  const client = await rawClient(await serve(server))
  await lifecycle.start()
  client.send(get('/'))
  await once(server, 'request')
  const { result, steps } = await lifecycle.stop()
  expect(client.text()).toMatch(/ok$/)
  expect(result).toBe('failed')
  expect(steps[0]).toMatchObject({ outcome: 'failed', errors: [expect.stringMatching(/^cannot say goodbye/)], work: { done: 1, failed: 0, cut: 0 } })
})

test('one that never ends is cut at the deadline', async () => {
  const lifecycle = createLifecycle({ env: {} })
  lifecycle.add(httpServer(createServer(), { onDrain: () => new Promise(() => {}), timeoutMs: 200 }))
  const report = await lifecycle.stop()
  expect(report.result).toBe('forced')
  expect(report.tookMs).toBeLessThan(1_000)
})

test('must be a function', () => {
  expect(() => httpServer(createServer(), { onDrain: 'now' as never })).toThrow(LifecycleError)
  expect(() => httpServer(createServer(), { onDrian: () => {} } as never)).toThrow('httpServer(): the option onDrian is not known; did you mean onDrain? Known are name, listen,')
})
