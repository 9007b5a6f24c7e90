import dns from 'node:dns'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { createLifecycle } from '@lameduck/core'
import { expect, onTestFinished, test, vi } from 'vitest'
import { httpServer } from '../src/index.ts'
import { gate, serve } from './support/serve.ts'

const never = new AbortController().signal

test('start() waits for a listen that comes before or after', async () => {
  const before = createServer()
  onTestFinished(() => void before.close())
  const early = httpServer(before.listen(0, '127.0.0.1'))
  await early.start?.({ signal: never })
  expect(before.listening).toBe(true)
  await early.start?.({ signal: never })

  const after = createServer()
  const late = httpServer(after)
  const started = Promise.resolve(late.start?.({ signal: never }))
  await serve(after)
  await started
})

test('start() listens where it is told to', async () => {
  const server = createServer()
  onTestFinished(() => void server.close())
  await httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }).start?.({ signal: never })
  expect(server.address()).toMatchObject({ address: '127.0.0.1' })

  const folder = mkdtempSync(join(tmpdir(), 'lameduck-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'server.sock')
  const local = createServer()
  onTestFinished(() => void local.close())
  await httpServer(local, { listen: { path } }).start?.({ signal: never })
  expect(local.address()).toBe(path)

  const taken = httpServer(createServer(), { name: 'second', listen: { path } })
  await expect(taken.start?.({ signal: never })).rejects.toThrow(`second cannot listen on ${path}: it is in use (EADDRINUSE).`)
})

test('a taken port fails start() with the address and what to do', async () => {
  const port = await serve(createServer())
  const error = {
    name: 'LifecycleError',
    code: 'start-failed',
    resource: 'http',
    message: `http cannot listen on 127.0.0.1:${port}: it is in use (EADDRINUSE). Stop the process that listens there, or choose another.`,
    cause: expect.objectContaining({ code: 'EADDRINUSE' }),
  }
  await expect(httpServer(createServer(), { listen: { port, host: '127.0.0.1' } }).start?.({ signal: never })).rejects.toMatchObject(error)

  // As with `httpServer(app.listen(8080))`: the error comes before start() is called, and nobody listens for it.
  const taken = createServer().listen(port, '127.0.0.1')
  const resource = httpServer(taken)
  await once(taken, 'error')
  await expect(resource.start?.({ signal: never })).rejects.toMatchObject(error)
})

test('once it listens, errors of the server are the application\'s own again', async () => {
  const server = createServer()
  const resource = httpServer(server)
  await serve(server)
  await resource.start?.({ signal: never })
  expect(server.listenerCount('error')).toBe(0)
})

test('a stop during start() ends the wait', async () => {
  const abort = new AbortController()
  const started = httpServer(createServer()).start?.({ signal: abort.signal })
  abort.abort(new Error('stopping'))
  await expect(started).rejects.toThrow('stopping')
  await expect(httpServer(createServer()).start?.({ signal: abort.signal })).rejects.toThrow('stopping')
})

// Catches: leaving a server alone because it does not listen yet. The look-up of its host ends after the stop, and then it does.
test('a stop during start(), while the host is looked up, leaves nobody listening', async () => {
  const lookup = delayLookup()
  const server = createServer()
  onTestFinished(() => void server.close())
  const lifecycle = createLifecycle({ env: {} })
  lifecycle.add(httpServer(server, { listen: { port: 0, host: 'localhost' } }))
  const started = lifecycle.start().then(() => 'started', (error: Error) => error.message)
  await lookup.begun
  expect((await lifecycle.stop()).result).toBe('clean')
  expect(await started).toContain('stop')

  lookup.go()
  await lookup.ended
  await setImmediate()
  expect(server.listening).toBe(false)
})

test('a mistake throws at once and says what to do', async () => {
  const app = (): void => {}
  expect(() => httpServer(app as never)).toThrow('it was given a function (function). Of an Express app, pass what app.listen() returns')
  expect(() => httpServer(createServer(), { unusedGraceMs: -1 })).toThrow('unusedGraceMs must be a number of milliseconds, at least 0; it is -1 (number)')
  expect(() => httpServer(createServer(), { timeoutMs: '5s' as never })).toThrow('timeoutMs must be')
  expect(() => httpServer(createServer(), { reserveMs: NaN })).toThrow('reserveMs must be')
  expect(() => httpServer(createServer(), { closeUpgraded: true as never })).toThrow('closeUpgraded must be a function; it is true (boolean)')
  expect(() => httpServer(createServer(), { listen: { port: 99_999 } })).toThrow('listen.port must be a whole number from 0 to 65535; it is 99999 (number)')
  expect(() => httpServer(createServer(), { listen: { path: '' } })).toThrow('listen.path must be the path of a socket; it is "" (string)')
  const server = createServer()
  await serve(server)
  const { port } = server.address() as AddressInfo
  expect(() => httpServer(server, { listen: { port: 0 } })).toThrow(`the server listens on 127.0.0.1:${port} already; leave the option listen out`)
})

test('what it declares to the engine', () => {
  expect(httpServer(createServer())).toMatchObject({ name: 'http', phase: 'intake', drainFrom: 'lame-duck-end' })
  expect(httpServer(createServer())).not.toHaveProperty('timeoutMs')
  expect(httpServer(createServer(), { name: 'admin', timeoutMs: 1, reserveMs: 2 })).toMatchObject({ name: 'admin', timeoutMs: 1, reserveMs: 2 })
})

/** The next look-up of a host is Node's own, but waits for `go`; `ended` is when Node has used what it found. */
function delayLookup(): { readonly begun: Promise<void>; go(): void; readonly ended: Promise<void> } {
  const [begun, going, ended] = [gate(), gate(), gate()]
  const lookup = dns.lookup as (...parameters: unknown[]) => void
  // Node 20 gives no options.
  const delayed = (...parameters: unknown[]): void => {
    const found = parameters.pop() as (...result: unknown[]) => void
    begun.open()
    void going.opened.then(() => lookup(...parameters, (...result: unknown[]) => (found(...result), ended.open())))
  }
  const spy = vi.spyOn(dns, 'lookup').mockImplementation(delayed as never)
  onTestFinished(() => spy.mockRestore())
  return { begun: begun.opened, go: () => going.open(), ended: ended.opened }
}
