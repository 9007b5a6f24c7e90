import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { createLifecycle, reportLine } from '@lameduck/core'
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

// Catches: a stranger's body of spaces in the message of an uncaught error, which blocked the loop for 8 s and cost everybody else the answer.
test('a long text of a stranger in an uncaught error costs nobody else the answer, nor the report', async () => {
  const lifecycle = createLifecycle({ env: {} })
  const held: ServerResponse[] = []
  const server = createServer((_request, response) => void held.push(response))
  lifecycle.add(httpServer(server))
  const port = await serve(server)
  await lifecycle.start()
  const clients = await Promise.all(Array.from({ length: 20 }, () => rawClient(port)))
  for (const client of clients) client.send(get('/'))
  await expect.poll(() => held.length).toBe(20)
  const stopped = lifecycle.stop({ kind: 'fatal', origin: 'uncaughtException', error: new Error(`not a number: "${' '.repeat(200_000)}"`) })
  for (const response of held) response.end('done')
  await Promise.all(clients.map((client) => client.until(/done$/)))
  const report = await stopped
  expect(report.steps[0]).toMatchObject({ outcome: 'drained', work: { done: 20, failed: 0, unknown: 0 } })
  expect(JSON.parse(reportLine(report))).toMatchObject({ reason: { error: { message: expect.stringMatching(/^not a number: " {1,2000}… \(\d+ characters\)$|…$/) } } })
})
