import { expect, test } from 'vitest'
import type { MessagePayload } from './consumer-client.ts'
import { trackHandlers } from './track-handlers.ts'
import { createUncommitted } from './uncommitted.ts'

function payloadOf(partition: number, offset: string): MessagePayload {
  return { topic: 'orders', partition, message: { offset }, heartbeat: async () => {} }
}

test('kafkajs hears of no handler before a commit of the stop has its answer, lest that overtakes the last one on its way over another broker', async () => {
  const handlers = trackHandlers({ eachMessage: async () => {} }, createUncommitted())
  let answer = (): void => {}
  handlers.holdFor(new Promise<void>((resolve) => (answer = resolve)))
  let heard = false
  const handling = handlers.runConfig.eachMessage?.(payloadOf(0, '7')).then(() => (heard = true))
  await new Promise((resolve) => setImmediate(resolve))
  expect(heard).toBe(false)
  expect(handlers.count()).toBe(1)
  expect(handlers.waitingFor(), 'its handler has ended: the commit is what is waited for').toEqual([])
  expect(handlers.positions()).toEqual([{ topic: 'orders', partition: 0, offset: '7' }])
  answer()
  await handling
  expect(heard).toBe(true)
  expect(handlers.count()).toBe(0)
})

test.each([
  ['throws at once', () => { throw new Error('no') }, 'Error: no', []],
  ['rejects', () => Promise.reject(new Error('no')), 'Error: no', []],
  ['returns no promise', () => undefined as never, 'handled', ['the commit of orders[0] offset 7']],
])('a handler that %s is under way no longer', async (_how, eachMessage, outcome, waitingFor) => {
  const uncommitted = createUncommitted()
  const handlers = trackHandlers({ eachMessage }, uncommitted)
  const handling = handlers.runConfig.eachMessage?.(payloadOf(0, '7'))
  expect(handlers.count()).toBe(1)
  expect(await handling?.then(() => 'handled', String)).toBe(outcome)
  expect(handlers.count()).toBe(0)
  expect(uncommitted.waitingFor()).toEqual(waitingFor)
})

test('what is done is told until a commit covers it', async () => {
  const uncommitted = createUncommitted()
  const handlers = trackHandlers({ eachMessage: async () => {} }, uncommitted)
  for (const offset of ['7', '8', '9']) await handlers.runConfig.eachMessage?.(payloadOf(0, offset))
  await handlers.runConfig.eachMessage?.(payloadOf(1, '3'))
  expect(uncommitted.waitingFor()).toEqual(['the commit of orders[0] offsets 7 to 9', 'the commit of orders[1] offset 3'])
  uncommitted.committed({ topics: [{ topic: 'orders', partitions: [{ partition: 0, offset: '9' }, { partition: '1' as never, offset: '4' }] }] })
  expect(uncommitted.waitingFor()).toEqual(['the commit of orders[0] offset 9'])
  uncommitted.clear()
  expect(uncommitted.waitingFor()).toEqual([])
})

test('what is resolved again after its commit, as kafkajs resolves a batch at its end, waits for none', () => {
  const uncommitted = createUncommitted()
  const commit = (offset: string): void => uncommitted.committed({ topics: [{ topic: 'orders', partitions: [{ partition: 0, offset }] }] })
  commit('7')
  uncommitted.done('orders', 0, '6')
  expect(uncommitted.waitingFor()).toEqual([])
  uncommitted.done('orders', 0, '7')
  expect(uncommitted.waitingFor()).toEqual(['the commit of orders[0] offset 7'])
  commit('8')
  uncommitted.done('orders', 0, '7')
  expect(uncommitted.waitingFor()).toEqual([])
})
