import { expect, test } from 'vitest'
import { grown, picture } from './flat.ts'
import type { Sample } from './replica.ts'

const samples = (grow: (n: number) => Partial<Sample>): Sample[] => Array.from({ length: 30 }, (_, n) => ({ atMs: 20_000 + n * 1_000, rssMb: 100, heapMb: 20, fds: 40, listeners: 12, ...grow(n) }))

test('what is the same, or jumps about, has not grown', () => {
  expect(grown(samples((n) => ({ rssMb: 100 + (n % 7) * 5, fds: 40 + (n % 3) })))).toEqual([])
})

test('one listener with each sample has grown', () => {
  expect(grown(samples((n) => ({ listeners: 12 + n })))).toEqual(['listeners has grown from 17.0 to 37.0, of 19.0 allowed'])
})

test('too few samples are told', () => {
  expect(grown([])).toEqual([expect.stringContaining('too few samples')])
})

test('a picture shows where it grew', () => {
  expect(picture(samples((n) => ({ fds: n < 15 ? 40 : 80 })), 'fds')).toBe(`fds        ${'▁'.repeat(15)}${'█'.repeat(15)}  40.0 to 80.0`)
})
