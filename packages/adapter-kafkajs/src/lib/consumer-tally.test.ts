import { createTally } from '@lameduck/core'
import { expect, test } from 'vitest'
import { createConsumerTally } from './consumer-tally.ts'
import { createRewinds } from './rewinds.ts'
import { createUncommitted } from './uncommitted.ts'

function counting() {
  const [uncommitted, rewinds] = [createUncommitted(), createRewinds()]
  const tally = createConsumerTally(createTally(), uncommitted, rewinds)
  tally.begin()
  return { tally, uncommitted, rewinds }
}

test('what comes again by a seek or a pause is not done, whichever came first', () => {
  const { tally, rewinds } = counting()
  rewinds.set({ topic: 'orders', partition: 0, offset: '5' }, 'seek')
  for (const offset of ['4', '5', '6']) tally.handled('orders', 0, offset)
  expect(tally.read().done).toBe(1)
  for (const offset of ['7', '8', '9']) tally.handled('orders', 1, offset)
  tally.rewound({ topic: 'orders', partition: 1, offset: '9' })
  expect(tally.read().done).toBe(3)
})

test('what goes on at the end of its partition does not come again, and at its beginning it does', () => {
  const { tally, rewinds } = counting()
  rewinds.set({ topic: 'orders', partition: 0, offset: '-1' }, 'seek')
  rewinds.set({ topic: 'orders', partition: 1, offset: '-2' }, 'seek')
  tally.handled('orders', 0, '5')
  tally.handled('orders', 1, '5')
  expect(tally.read().done).toBe(1)
})

test('where the group is let go, handlers are cut, and what waits for its commit has failed', () => {
  const { tally, uncommitted } = counting()
  uncommitted.done('orders', 0, '7')
  tally.handled('orders', 0, '7')
  tally.letGo(2)
  // One of them returns after all.
  uncommitted.done('orders', 1, '3')
  tally.handled('orders', 1, '3')
  expect(tally.end()).toBe(true)
  expect(tally.read()).toMatchObject({ done: 0, cut: 2, failed: 1, reasons: ['the commit of orders[0] offset 7: the broker did not confirm it'] })
})
