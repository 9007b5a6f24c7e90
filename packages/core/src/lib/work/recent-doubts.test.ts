import { expect, test } from 'vitest'
import { createRecentDoubts } from './recent-doubts.ts'

test('what is older than 30 s is forgotten, to the second', () => {
  let nowMs = 0
  const doubts = createRecentDoubts(() => nowMs)
  for (const at of [0, 999, 1_000, 20_000]) {
    nowMs = at
    doubts.add('a listener', 'no promise')
  }
  nowMs = 30_999
  expect([...doubts.take()]).toEqual([['a listener: no promise', 4]])
  nowMs = 31_000
  expect([...doubts.take()]).toEqual([['a listener: no promise', 2]])
  nowMs = 52_000
  expect([...doubts.take()]).toEqual([])
})

test('a thousand names of one second take the room of six', () => {
  const doubts = createRecentDoubts(() => 0)
  for (let n = 0; n < 1_000; n += 1) doubts.add(`order ${n}`, 'no promise')
  expect([...doubts.take()]).toEqual([...['order 0', 'order 1', 'order 2', 'order 3', 'order 4'].map((name) => [`${name}: no promise`, 1]), ['others: no promise', 995]])
})
