import { describe, expect, test } from 'vitest'
import { bindProcess } from '../process/bind-process.ts'
import { createLifecycle } from '../engine/create-lifecycle.ts'
import { createFakeClock } from './fake-clock.ts'
import { createFakeProcess } from './fake-process.ts'
import { scriptedResource } from './scripted-resource.ts'

describe('without a listener', () => {
  test('a signal ends it as the system would', async () => {
    const target = createFakeProcess()
    target.signal('SIGTERM')
    expect(await target.exited).toBe(143)
    expect(target.exitCode).toBe(143)
    expect(() => target.signal('SIGTERM')).toThrow('has exited with 143 before the SIGTERM')
  })

  test('an uncaught error is printed and ends it with 1', async () => {
    const target = createFakeProcess()
    target.throwUncaught(new Error('no'))
    expect(await target.exited).toBe(1)
    expect(target.stderrText).toContain('Uncaught Error: no\n')
  })
})

test('a listener gets what a real one gets, until it is removed', async () => {
  const target = createFakeProcess()
  const seen: unknown[][] = []
  const listener = (...parameters: unknown[]): void => void seen.push(parameters)
  for (const event of ['SIGINT', 'uncaughtException', 'exit']) target.on(event, listener)
  target.signal('SIGINT')
  target.throwUncaught('text', 'unhandledRejection')
  target.off('SIGINT', listener)
  expect(target.listeners('SIGINT')).toEqual([])
  target.signal('SIGINT')
  target.exit(3)
  expect(seen).toEqual([['SIGINT', 2], ['text', 'unhandledRejection'], [130]])
  expect(await target.exited).toBe(130)
})

test('is a terminal, a child and whatever else it is told to be', () => {
  const target = createFakeProcess({ terminal: true, env: { CI: '1' }, pid: 1, ppid: 0, ipc: true })
  target.send?.('ready')
  expect(target).toMatchObject({ stdin: { isTTY: true }, stdout: { isTTY: true }, env: { CI: '1' }, pid: 1, ppid: 0, sent: ['ready'] })
  expect(createFakeProcess().stdin.isTTY).toBe(false)
  expect('send' in createFakeProcess()).toBe(false)
})

test('a whole stop runs on it, with the report on stdout and nothing left behind', async () => {
  const clock = createFakeClock()
  const target = createFakeProcess()
  const lifecycle = createLifecycle({ clock, env: {}, policy: { graceMs: 10_000, exitCodes: { forced: 9 } } })
  lifecycle.add(scriptedResource({ clock, name: 'pool', drainTakesMs: Infinity, inFlight: 2 }))
  await bindProcess(lifecycle, { process: target, clock }).ready()
  target.signal('SIGTERM')
  await clock.advance(10_000)
  expect(await target.exited).toBe(9)
  expect(JSON.parse(target.stdoutText)).toMatchObject({ lameduck: 'report', result: 'forced' })
  expect(target.stderrText).toContain('pool was forced, 2 in flight')
  expect(clock.armed).toBe(0)
})
