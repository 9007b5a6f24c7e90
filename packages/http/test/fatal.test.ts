import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { createLifecycle } from '@lameduck/core'
import { expect, test } from 'vitest'
import { httpServer } from '../src/index.ts'
import { get, rawClient } from './support/raw-client.ts'
import { serve } from './support/serve.ts'

// docs/errors.md says so.
test('where an uncaught error begins the stop, nobody new comes in, and a request in flight has its share of fatalMs', async () => {
  const lifecycle = createLifecycle({ env: {}, policy: { lameDuck: { minMs: 5_000 } } })
  const held: ServerResponse[] = []
  const server = createServer((_request, response) => void held.push(response))
  lifecycle.add(httpServer(server))
  lifecycle.add({ name: 'pool', phase: 'connections', drain() {} })
  const port = await serve(server)
  await lifecycle.start()
  const client = await rawClient(port)
  client.send(get('/'))
  await once(server, 'request')
  const closed = expect.poll(() => server.listening).toBe(false)
  const stopped = lifecycle.stop({ kind: 'fatal', origin: 'uncaughtException', error: new Error('a mistake') })
  await closed
  const [refused] = (await once(connect(port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException]
  expect(refused.code).toBe('ECONNREFUSED')
  held[0]?.end('done')
  await client.until(/^connection: close[^]*done$/im)
  const { budgetMs, exitCode, result, steps } = await stopped
  expect({ budgetMs, exitCode, result }).toEqual({ budgetMs: 5_000, exitCode: 1, result: 'failed' })
  expect(steps.find(({ name }) => name === 'http')?.deadlineMs).toBeCloseTo(3_472, -2)
})
