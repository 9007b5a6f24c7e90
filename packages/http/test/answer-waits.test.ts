import { expect, test } from 'vitest'
import { createAnswerWaits } from '../src/lib/answer-waits.ts'

// Catches: ten thousand timers, sixty times a second, in the moment in which a server has most to do.
test('one timer looks for all that wait, and none when nobody waits', () => {
  const due: (() => void)[] = []
  let asked = 0
  const whenOver = createAnswerWaits((ms, action) => (expect(ms).toBe(16), (asked += 1), void due.push(action)))
  const look = (): void => due.splice(0).forEach((action) => action())
  const over = new Set<number>()
  const told: number[] = []
  for (let client = 0; client < 10_000; client += 1) whenOver(() => over.has(client), () => told.push(client))
  expect(asked).toBe(1)
  for (const client of [7, 8]) over.add(client)
  look()
  expect({ told, asked }).toEqual({ told: [7, 8], asked: 2 })
  for (let client = 0; client < 10_000; client += 1) over.add(client)
  look()
  expect({ told: told.length, asked }).toEqual({ told: 10_000, asked: 2 })
})

test('one that begins to wait when another is over is looked for as well', () => {
  const due: (() => void)[] = []
  const whenOver = createAnswerWaits((_ms, action) => void due.push(action))
  const told: string[] = []
  whenOver(() => true, () => (told.push('first'), whenOver(() => true, () => told.push('second'))))
  whenOver(() => told.includes('first'), () => told.push('third'))
  while (due.length > 0) due.shift()?.()
  expect(told.toSorted()).toEqual(['first', 'second', 'third'])
})
