import { expect, test } from 'vitest'
import { createUncommitted } from './uncommitted.ts'

test('what is done is told until a commit covers it', () => {
  const uncommitted = createUncommitted()
  for (const offset of ['7', '8', '9']) uncommitted.done('orders', 0, offset)
  uncommitted.done('orders', 1, '3')
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

test('what a partition has gone back behind waits for none', () => {
  const uncommitted = createUncommitted()
  uncommitted.done('orders', 0, '7')
  uncommitted.done('orders', 1, '3')
  uncommitted.rewound('orders', 0)
  expect(uncommitted.waitingFor()).toEqual(['the commit of orders[1] offset 3'])
})
