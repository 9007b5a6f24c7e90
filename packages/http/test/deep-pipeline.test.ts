import { createServer, type ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { httpServer } from '../src/index.ts'
import { drainContext, quiesceContext, within } from './support/context.ts'
import { get, rawClient } from './support/raw-client.ts'
import { gate, serve } from './support/serve.ts'
import { uncaught } from './support/uncaught.ts'

const requests = 20_000

// Catches: a pipeline that is walked by recursion. One client with one connection then overflows the stack inside Node's diagnostics
// channel, where no `catch` of the application reaches, and the process is gone.
test('20,000 pipelined requests on one connection are counted, listed in part and all answered', async () => {
  const errors = uncaught()
  const all = gate()
  const answers: ServerResponse[] = []
  const server = createServer((_request, response) => {
    if (answers.push(response) === requests) all.open()
  })
  const resource = httpServer(server)
  const client = await rawClient(await serve(server))
  client.send(get('/').repeat(requests))
  await all.opened

  expect(resource.inFlight?.()).toBe(requests)
  expect(resource.stats()).toMatchObject({ sockets: { active: 1 }, inFlight: requests })
  const waiting = resource.waitingFor?.() ?? []
  expect(waiting).toHaveLength(100)
  for (const text of waiting) expect(text).toMatch(/^GET \/ .*, nothing sent$/)

  for (const answer of answers.splice(0, requests / 2)) answer.end('ok')
  await expect.poll(() => resource.inFlight?.()).toBe(requests / 2)
  resource.quiesce?.(quiesceContext)
  const drained = Promise.resolve(resource.drain(drainContext()))
  for (const answer of answers) answer.end('ok')
  expect(await client.ended).toBe('end')
  expect(client.text().split('HTTP/1.1 200').length - 1).toBe(requests)
  // On the last one alone, or those behind it would not be answered.
  expect(client.text().match(/connection: close/gi)).toHaveLength(1)
  expect(await within(2_000, drained)).toBeUndefined()
  expect(resource.inFlight?.()).toBe(0)
  expect(errors).toEqual([])
})
