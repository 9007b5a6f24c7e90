import { expect, test } from 'vitest'
import { createLifecycle } from '../engine/create-lifecycle.ts'
import { describeStop } from './describe-stop.ts'

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
  expect(describeStop(await stopped)).toBe('stopped on SIGTERM; import has 3 left to do; export has work left to do; uncaught errors came meanwhile: 1')
})
