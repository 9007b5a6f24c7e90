import { expect, test } from 'vitest'
import { createLifecycle } from '../engine/create-lifecycle.ts'
import { createFakeClock } from './fake-clock.ts'
import { scriptedResource, type ScriptedCall } from './scripted-resource.ts'

const sigterm = { kind: 'signal', signal: 'SIGTERM', interactive: false } as const

function lines(calls: readonly ScriptedCall[]): string[] {
  return calls.map(({ name, call, atMs }) => `${atMs} ${name} ${call}`)
}

test('the calls of several resources show in which order and when, and the times are those of the script', async () => {
  const clock = createFakeClock()
  const lifecycle = createLifecycle({ clock, env: {}, policy: { graceMs: 3_000, marginMs: 500 } })
  const calls: ScriptedCall[] = []
  const pool = lifecycle.add(scriptedResource({ clock, calls, name: 'pool', startTakesMs: 10, drainTakesMs: Infinity, forceTakesMs: 20, reserveMs: 500 }))
  const jobs = scriptedResource({ clock, calls, name: 'jobs', phase: 'work', drainTakesMs: 300, reserveMs: 500, inFlight: 2 })
  lifecycle.add(jobs, { needs: [pool] })
  const started = lifecycle.start()
  await clock.advance(10)
  await started
  const stopped = lifecycle.stop(sigterm)
  await clock.advance(3_000)
  expect(lines(calls)).toEqual([
    '0 pool start',
    '10 pool started',
    '10 pool quiesce',
    '10 jobs quiesce',
    '10 jobs drain',
    '310 jobs drained',
    '310 pool drain',
    '2410 pool aborted',
    '2410 pool force',
    '2430 pool forced',
  ])
  expect((await stopped).steps).toMatchObject([
    { name: 'jobs', outcome: 'drained', inFlight: { atStop: 2, atStart: 2 } },
    { name: 'pool', outcome: 'forced', inFlight: { atForce: 0 } },
  ])
  expect(jobs.inFlight?.()).toBe(0)
  expect(clock.armed).toBe(0)
})

test('what is thrown during a call is what the call fails with', async () => {
  const clock = createFakeClock()
  const lifecycle = createLifecycle({ clock, env: {} })
  const during = { drain: () => { throw new Error('no') } }
  const resource = scriptedResource({ clock, name: 'bad', during })
  lifecycle.add(resource)
  const report = await lifecycle.stop(sigterm)
  expect(report.steps).toMatchObject([{ outcome: 'failed', errors: ['no'] }])
  expect(lines(resource.calls)).toEqual(['0 bad quiesce', '0 bad drain', '0 bad aborted', '0 bad force', '0 bad forced'])
})

test('it obeys its signal, unless it is told not to', async () => {
  const clock = createFakeClock()
  const abort = new AbortController()
  const context = { signal: abort.signal, reason: sigterm, deadline: 0, remaining: () => 0 }
  const obeys = scriptedResource({ clock, name: 'obeys', drainTakesMs: 100 })
  const ignores = scriptedResource({ clock, name: 'ignores', drainTakesMs: 100, ignoresAbort: true })
  const results = Promise.allSettled([obeys.drain(context), ignores.drain(context)])
  abort.abort(new Error('cut'))
  expect(clock.armed).toBe(1)
  await clock.advance(100)
  expect(await results).toMatchObject([{ status: 'rejected', reason: { message: 'cut' } }, { status: 'fulfilled' }])
})

test('what was cut is not noted as drained, though its drain goes on', async () => {
  const clock = createFakeClock()
  const lifecycle = createLifecycle({ clock, env: {}, policy: { graceMs: 3_000, marginMs: 500 } })
  const resource = scriptedResource({ clock, name: 'pool', drainTakesMs: 10_000, ignoresAbort: true, inFlight: 2 })
  lifecycle.add(resource)
  const stopped = lifecycle.stop(sigterm)
  await clock.advance(3_000)
  expect((await stopped).steps).toMatchObject([{ outcome: 'forced', inFlight: { atForce: 2 } }])
  expect(clock.armed).toBe(1)
  await clock.advance(30_000)
  expect(clock.armed).toBe(0)
  expect(lines(resource.calls)).toEqual(['0 pool quiesce', '0 pool drain', '2400 pool aborted', '2400 pool force', '2400 pool forced'])
  expect(resource.inFlight?.()).toBe(2)
})

test('only a resource with something to do at the start has a start', () => {
  const clock = createFakeClock()
  expect('start' in scriptedResource({ clock, name: 'a' })).toBe(false)
  expect('start' in scriptedResource({ clock, name: 'a', startTakesMs: 1 })).toBe(true)
  expect('start' in scriptedResource({ clock, name: 'a', during: { start() {} } })).toBe(true)
})
