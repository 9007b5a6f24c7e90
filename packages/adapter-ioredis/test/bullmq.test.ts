import { createLifecycle } from '@lameduck/core'
import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { redis } from '../src/index.ts'
import { useServer } from './server-subjects.ts'

const { server } = useServer()

/** As BullMQ demands it of a client that it is given. */
function connect(options: { readonly connectionName?: string } = {}): Redis {
  const client = new Redis(server().url, { maxRetriesPerRequest: null, ...options })
  client.on('error', () => {})
  onTestFinished(() => client.disconnect())
  return client
}

test('a connection that BullMQ works with is not given advice that BullMQ forbids, and its jobs are done before it closes', async () => {
  const connection = connect()
  const lifecycle = createLifecycle({ env: {}, policy: { graceMs: 20_000 } })
  const client = lifecycle.add(redis(connection, { name: 'bullmq redis' }))
  const queue = new Queue('mails', { connection })
  const done: string[] = []
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  const worker = new Worker('mails', async ({ name }) => {
    await opened
    done.push(name)
  }, { connection, concurrency: 3 })
  worker.on('error', () => {})
  lifecycle.add({ name: 'mails', phase: 'intake', drain: () => worker.close() }, { needs: [client] })
  await lifecycle.start()
  await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()])
  expect(lifecycle.plan().warnings).toEqual([])
  await queue.addBulk(['1', '2', '3'].map((name) => ({ name, data: {} })))
  await expect.poll(() => queue.getActiveCount()).toBe(3)
  const stopped = lifecycle.stop()
  setTimeout(open, 50)
  const report = await stopped
  expect(report.result).toBe('clean')
  expect(report.steps.find(({ name }) => name === 'bullmq redis')?.work).toMatchObject({ failed: 0, cut: 0, refused: 0 })
  expect(done.toSorted()).toEqual(['1', '2', '3'])
  expect(connection.status).toBe('end')
})

test('a connection that bears the name of BullMQ is not, before BullMQ uses it', () => {
  expect(redis(connect({ connectionName: 'bull:mails' })).warnings).toEqual([])
})

test('the advice for a client that nobody knows can be followed also by who uses BullMQ', () => {
  expect(redis(connect()).warnings).toEqual([expect.stringMatching(/^maxRetriesPerRequest is null: .* Set it to a number .* Only a client of BullMQ needs null: leave it to BullMQ alone/)])
})
