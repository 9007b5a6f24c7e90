import { expect, test } from 'vitest'
import { createLifecycle } from '../engine/create-lifecycle.ts'
import type { Tally } from '../work/tally.ts'
import { describeStop } from './describe-stop.ts'

const nothing: Tally = { done: 0, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] }

test('names ten steps, shortly, and how many more there are', async () => {
  const lifecycle = createLifecycle({ env: {} })
  for (let index = 0; index < 1_000; index += 1) lifecycle.add({ name: `r${index}`, phase: 'work', drain: () => Promise.reject(new Error('x'.repeat(5_000))) })
  const text = describeStop(await lifecycle.stop())
  expect(text.length).toBeLessThan(4_000)
  expect(text).toMatch(/^stopped on stop\(\) was called; work may be lost: r0 failed \(xxx/)
  expect(text).toMatch(/; and 990 more$/)
})

test('tells what is left to do, and what came meanwhile', async () => {
  const lifecycle = createLifecycle({ env: {} })
  lifecycle.add({ name: 'import', phase: 'work', drain: () => {}, unfinished: () => 3 })
  lifecycle.add({ name: 'export', phase: 'work', drain: () => {}, unfinished: () => Infinity })
  const stopped = lifecycle.stop({ kind: 'signal', signal: 'SIGTERM', interactive: false })
  void lifecycle.stop({ kind: 'fatal', origin: 'uncaughtException', error: new Error('late') })
  expect(describeStop(await stopped)).toBe('stopped on SIGTERM; import has 3 left to do; export has work left to do; work may be lost: an uncaught error came during the stop')
})

test.each<[string, Partial<Tally>, string]>([
  ['failed', { done: 4, failed: 16, reasons: ['SELECT: timeout (×16)'] }, 'work may be lost: pool failed (16 of 20 failed while it stopped (SELECT: timeout (×16)))'],
  ['was cut', { done: 4, cut: 2 }, 'work may be lost: pool was forced, 2 cut'],
  ['nobody can tell of', { unknown: 3, reasons: ['send: no answer (×3)'] }, 'pool: it is not known whether 3 pieces of work were finished (send: no answer (×3))'],
  ['was refused once', { refused: 1, reasons: ['INCR: refused'] }, 'pool was used once after its close; it was refused (INCR)'],
  ['was refused often', { refused: 15, reasons: ['SET: refused (×14)', 'GET: refused'] }, 'pool was used 15 times after its close; all were refused (SET ×14; GET)'],
  ['was refused, beside words of its own', { refused: 1, reasons: ['seek: refused', 'delivered again: orders[0] offset 5'] }, 'pool was used once after its close; it was refused (seek)'],
  ['failed, and nobody can tell of', { failed: 1, unknown: 2, reasons: ['SELECT: timeout', 'why'] }, 'work may be lost: pool failed (1 of 1 failed while it stopped (SELECT: timeout; why)); pool: it is not known whether 2 pieces of work were finished'],
  ['was refused', { done: 1, refused: 7 }, 'pool was used 7 times after its close; all were refused'],
  [
    'was refused, and nobody can tell of',
    { refused: 2, unknown: 1, reasons: ['why', 'SET: refused (×2)'] },
    'pool: it is not known whether one piece of work was finished (why); pool was used 2 times after its close; all were refused (SET ×2)',
  ],
  ['failed, and was refused', { failed: 1, refused: 2, reasons: ['why'] }, 'work may be lost: pool failed (1 of 1 failed while it stopped (why)); pool was used 2 times after its close; all were refused'],
])('tells of work that %s', async (_what, tally, text) => {
  const lifecycle = createLifecycle({ env: {} })
  lifecycle.add({ name: 'pool', phase: 'connections', drain() {}, tally: () => ({ ...nothing, ...tally }) })
  expect(describeStop(await lifecycle.stop())).toBe(`stopped on stop() was called; ${text}`)
})

test('tells of a drain that left work in flight', async () => {
  const lifecycle = createLifecycle({ env: {} })
  lifecycle.add({ name: 'orders', phase: 'work', drain() {}, inFlight: () => 3 })
  expect(describeStop(await lifecycle.stop())).toBe('stopped on stop() was called; orders: its drain ended while 3 units were still in flight')
})

test('tells what is in doubt shortly, however long its reasons are', async () => {
  const lifecycle = createLifecycle({ env: {} })
  lifecycle.add({ name: 'pool', phase: 'connections', drain() {}, tally: () => ({ ...nothing, refused: 5, unknown: 5, reasons: Array.from({ length: 5 }, () => 'x'.repeat(300)) }) })
  expect(describeStop(await lifecycle.stop()).length).toBeLessThan(800)
})
