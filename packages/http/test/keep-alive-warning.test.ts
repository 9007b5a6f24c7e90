import { createServer } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import { createLifecycle } from '@lameduck/core'
import { expect, test } from 'vitest'
import { httpServer } from '../src/index.ts'

test('warns when the server closes idle connections before what is in front of it does', () => {
  const server = createServer({ keepAliveTimeout: 5_000 })
  const resource = httpServer(server, { upstreamIdleMs: 60_000 })
  expect(resource.warnings).toEqual([expect.stringMatching(/5000 ms[^]*60000 ms[^]*Set server\.keepAliveTimeout = 65000/)])
  // The plan is where an operator reads it.
  const lifecycle = createLifecycle({ env: {}, policy: { lameDuck: { minMs: 0 } } })
  lifecycle.add(resource)
  expect(lifecycle.plan().warnings).toEqual(expect.arrayContaining([expect.stringContaining('keepAliveTimeout')]))

  // Equal is a race as well.
  server.keepAliveTimeout = 60_000
  expect(resource.warnings).toHaveLength(1)
  server.keepAliveTimeout = 65_000
  expect(resource.warnings).toEqual([])
  expect(lifecycle.plan().warnings).toEqual([])
  server.keepAliveTimeout = 1_000
  expect(resource.warnings).toEqual([expect.stringContaining('1000 ms')])
  server.keepAliveTimeout = 0
  expect(resource.warnings).toEqual([])
})

test('says nothing where nobody told what is in front, and on HTTP/2, which has no such time', () => {
  expect(httpServer(createServer({ keepAliveTimeout: 1 })).warnings ?? []).toEqual([])
  expect(httpServer(createHttp2Server(), { upstreamIdleMs: 60_000 }).warnings ?? []).toEqual([])
  expect(() => httpServer(createServer(), { upstreamIdleMs: -1 })).toThrow('upstreamIdleMs must be a number of milliseconds, at least 0; it is -1 (number)')
})
