import { expect, test } from 'vitest'
import { bindProcess } from './bind-process.ts'
import { createLifecycle } from '../engine/create-lifecycle.ts'
import { catchEarlySignals, takeEarlySignal } from './early-signals.ts'
import { createFakeClock } from '../testing/fake-clock.ts'
import { createFakeProcess } from '../testing/fake-process.ts'

test('the first of many early signals is handed over once, with its time, and no listener is left', async () => {
  const target = createFakeProcess()
  const clock = createFakeClock(100)
  catchEarlySignals(target, clock)
  catchEarlySignals(target, clock)
  target.signal('SIGINT')
  await clock.advance(50)
  target.signal('SIGTERM')
  expect(takeEarlySignal(target)).toEqual({ signal: 'SIGINT', at: 100 })
  expect(takeEarlySignal(target)).toBeUndefined()
  expect(target.listenerCount('SIGTERM') + target.listenerCount('SIGINT')).toBe(0)
})

test('whoever binds stops at once, within what is left since the signal', async () => {
  const target = createFakeProcess()
  const clock = createFakeClock()
  catchEarlySignals(target, clock)
  target.signal('SIGTERM')
  await clock.advance(4_000)
  const lifecycle = createLifecycle({ clock, env: {} })
  lifecycle.add({ name: 'pool', phase: 'connections', drain: () => {} })
  bindProcess(lifecycle, { process: target, clock })
  await clock.advance(1)
  expect(await target.exited).toBe(0)
  expect(lifecycle.state).toMatchObject({
    name: 'stopped',
    report: {
      from: 'starting',
      reason: { kind: 'signal', signal: 'SIGTERM' },
      budgetMs: 25_000,
      budgetSource: 'the default grace period, counted from SIGTERM, which came 4000 ms before it could be handled',
    },
  })
})

test('a signal that somebody else listens to is theirs, and the next one is looked at by itself', async () => {
  const target = createFakeProcess()
  const clock = createFakeClock()
  catchEarlySignals(target, clock)
  target.on('SIGINT', () => {})
  target.signal('SIGINT')
  await clock.advance(10_000)
  expect(target.exitCode).toBeUndefined()
  target.signal('SIGTERM')
  await clock.advance(5_000)
  expect(await target.exited).toBe(143)
})

test('where nobody binds, the process is ended 5 s after the signal with its code', async () => {
  const target = createFakeProcess()
  const clock = createFakeClock()
  catchEarlySignals(target, clock)
  target.signal('SIGINT')
  await clock.advance(4_999)
  expect(target.exitCode).toBeUndefined()
  await clock.advance(1)
  expect(await target.exited).toBe(130)
})
