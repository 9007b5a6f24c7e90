import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLifecycle, LifecycleError, type Lifecycle } from '@lameduck/core'
import { expect, test } from 'vitest'
import { httpServer } from '../src/index.ts'
import { get, rawClient } from './support/raw-client.ts'
import { gate } from './support/serve.ts'

const local = { port: 0, host: '127.0.0.1' }

async function ask(server: Server): Promise<string> {
  const client = await rawClient((server.address() as AddressInfo).port)
  client.send(get('/'))
  return client.until(/ok$/)
}

function metricsServer(): Server {
  return createServer((_request, response) => void response.end('ok'))
}

// Catches: a metrics server that goes with the first phase: the last seconds of a service are never scraped.
test('a metrics server of a later phase answers until everything before has stopped', async () => {
  const lifecycle = createLifecycle({ env: {} })
  const [due, work] = [gate(), gate()]
  const web = createServer((_request, response) => void due.opened.then(() => response.end('done')))
  const metrics = metricsServer()
  lifecycle.add(httpServer(web, { listen: local }))
  lifecycle.add(httpServer(metrics, { name: 'metrics', phase: 'telemetry', listen: local }))
  lifecycle.add({ name: 'jobs', phase: 'work', drain: () => work.opened })
  await lifecycle.start()
  const client = await rawClient((web.address() as AddressInfo).port)
  client.send(get('/'))
  await once(web, 'request')

  const jobs = untilBegun(lifecycle, 'jobs')
  const stopped = lifecycle.stop()
  await expect.poll(() => web.listening).toBe(false)
  expect(await ask(metrics)).toMatch(/connection: close/i)
  due.open()
  await client.until(/done$/)
  await jobs
  expect(await ask(metrics)).toMatch(/ok$/)
  work.open()
  const { result, steps } = await stopped
  expect(result).toBe('clean')
  expect(metrics.listening).toBe(false)
  expect(steps.map(({ name, outcome }) => [name, outcome])).toEqual([
    ['http', 'drained'],
    ['jobs', 'drained'],
    ['metrics', 'drained'],
  ])
})

test('what is scraped there does not stretch the lame duck, and alone it makes none', async () => {
  const policy = { lameDuck: { minMs: 300, quietMs: 300, maxMs: 5_000 } }
  const both = createLifecycle({ env: {}, policy })
  const metrics = metricsServer()
  both.add(httpServer(metricsServer(), { listen: local }))
  both.add(httpServer(metrics, { name: 'metrics', phase: 'telemetry', listen: local }))
  await both.start()
  const stopped = both.stop()
  const scraping = setInterval(() => void ask(metrics).catch(() => {}), 50)
  const { tookMs } = await stopped
  clearInterval(scraping)
  expect(tookMs).toBeLessThan(2_000)

  const worker = createLifecycle({ env: {}, policy })
  worker.add(httpServer(metricsServer(), { name: 'metrics', phase: 'telemetry', listen: local }))
  await worker.start()
  const report = await worker.stop()
  expect(report.steps.map(({ name }) => name)).toEqual(['metrics'])
  expect(report.tookMs).toBeLessThan(250)
})

test('refuses what is no phase', () => {
  expect(() => httpServer(createServer(), { phase: 'last' as never })).toThrow(LifecycleError)
})

function untilBegun(lifecycle: Lifecycle, name: string): Promise<void> {
  return new Promise((resolve) => {
    lifecycle.subscribe((event) => {
      if (event.type === 'step-started' && event.name === name) resolve()
    })
  })
}
