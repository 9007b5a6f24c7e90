import { createServer } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import { LifecycleError } from '@lameduck/core'
import { expect, test } from 'vitest'
import { frameworkServer, httpServer } from '../src/index.ts'
import { drainContext } from './support/context.ts'
import { startProgram } from './support/program.ts'
import { serve } from './support/serve.ts'

const advice = 'the start of "http", which waits for its server to listen: call listen() of it before you await the start, or give httpServer() the option listen'

// Catches: exit code 0 and `clean` of a service that nobody could ever reach.
test('a server that nobody tells to listen is a failed start that says so', async () => {
  const { ended } = startProgram('never-listens', 'alone')
  const { code, stderr, report } = await ended
  expect({ code, result: report?.result }).toEqual({ code: 1, result: 'failed' })
  expect(stderr).toContain(`the event loop was empty before everything had started, and nothing is left that could end it; it waited for ${advice}`)
})

test('… and a warning after 5 s where something else keeps the process alive', async () => {
  const { child, ended } = startProgram('never-listens', 'busy')
  let stderr = ''
  await new Promise<void>((resolve) => child.stderr?.on('data', (chunk: Buffer) => /\n/.test((stderr += String(chunk))) && resolve()))
  expect(stderr).toBe(`lameduck: warning: The service is not ready yet: for 5 s it has waited for ${advice}\n`)
  child.kill('SIGTERM')
  await ended
}, 15_000)

test('a server belongs to one resource: a second is refused at once, and says which has it', () => {
  for (const server of [createServer(), createHttp2Server()]) {
    httpServer(server, { name: 'web' })
    const refused = 'the resource "web" drains this server already. One is enough: add that one to the lifecycle, and leave this one out.'
    expect(() => httpServer(server)).toThrow(new LifecycleError('invalid-option', refused))
    expect(() => frameworkServer({ server, listen: async () => {}, close: async () => {} }, { port: 0 })).toThrow(refused)
  }
})

test('… and can be given to another when it has been drained, or when the first call threw', async () => {
  const server = createServer()
  expect(() => httpServer(server, { unusedGraceMs: -1 })).toThrow('unusedGraceMs')
  const first = httpServer(server)
  await serve(server)
  await first.drain(drainContext())
  expect(() => httpServer(server)).not.toThrow()
})
