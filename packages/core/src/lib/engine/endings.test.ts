import { expect, test } from 'vitest'
import type { LifecycleEvent } from '../events.ts'
import type { Lifecycle, WhenEnded } from '../lifecycle.ts'
import { createLifecycle } from './create-lifecycle.ts'

async function service(whenEnded?: WhenEnded): Promise<{ lifecycle: Lifecycle; end: (why: unknown) => void; events: LifecycleEvent[] }> {
  const lifecycle = createLifecycle({ env: {} })
  const events: LifecycleEvent[] = []
  lifecycle.subscribe((event) => events.push(event))
  let end = (_why: unknown): void => {}
  lifecycle.add({ name: 'consumer', phase: 'intake', watch: (ended) => void (end = ended), drain() {} }, whenEnded ? { whenEnded } : {})
  await lifecycle.start()
  return { lifecycle, end: (why) => end(why), events }
}

const heard = { type: 'resource-ended', name: 'consumer', why: 'a poison message' }

test('a resource that has died by itself is told once, and its step has failed', async () => {
  const { lifecycle, end, events } = await service()
  end(new Error('a poison message'))
  end(new Error('again'))
  expect(events.filter(({ type }) => type === 'resource-ended')).toEqual([heard])
  expect(events.filter(({ type }) => type === 'warning')).toEqual([
    { type: 'warning', message: `"consumer" has ended by itself (a poison message): the service goes on without it; whenEnded: 'not-ready' or 'stop' in add() would do more` },
  ])
  expect(lifecycle.isReady).toBe(true)
  const report = await lifecycle.stop()
  expect(report).toMatchObject({ result: 'failed', steps: [{ outcome: 'failed', errors: ['it ended by itself before the stop: a poison message'] }] })
})

test('… makes the service not ready where it chose that', async () => {
  const { lifecycle, end, events } = await service('not-ready')
  end(new Error('a poison message'))
  expect(events).toContainEqual(heard)
  expect(lifecycle.isReady).toBe(false)
  expect(lifecycle.heldBecause).toEqual(['"consumer" has ended by itself (a poison message)'])
  expect(lifecycle.state.name).toBe('ready')
})

test('… stops the service where it chose that', async () => {
  const { lifecycle, end } = await service('stop')
  end(new Error('a poison message'))
  expect(lifecycle.stopping.aborted).toBe(true)
  expect(await lifecycle.stop()).toMatchObject({ reason: { kind: 'programmatic', detail: '"consumer" has ended by itself (a poison message)' }, result: 'failed', exitCode: 72 })
})

test('the end of a resource during a stop, or after it was removed, is none of anybody', async () => {
  const { lifecycle, end, events } = await service('stop')
  const stopped = lifecycle.stop()
  end(new Error('of course'))
  expect((await stopped).result).toBe('clean')
  expect(events.map(({ type }) => type)).not.toContain('resource-ended')

  const other = createLifecycle({ env: {} })
  let endOther = (_why: unknown): void => {}
  other.add({ name: 'consumer', phase: 'intake', watch: (ended) => void (endOther = ended), drain() {} }).remove()
  endOther('gone')
  expect(other.stopping.aborted).toBe(false)
})

test('a resource that has died already when it is added is heard of', async () => {
  const lifecycle = createLifecycle({ env: {} })
  lifecycle.add({ name: 'consumer', phase: 'intake', watch: (ended) => ended(Object.create(null)), drain() {} }, { whenEnded: 'not-ready' })
  await lifecycle.start()
  expect(lifecycle.isReady).toBe(false)
  expect((await lifecycle.stop()).steps).toMatchObject([{ outcome: 'failed', errors: ['it ended by itself before the stop: a value that cannot be shown'] }])
})

test('a watch that throws is thrown by add, which keeps nothing; one that rejects is a warning', async () => {
  const lifecycle = createLifecycle({ env: {} })
  const warnings: string[] = []
  lifecycle.subscribe((event) => event.type === 'warning' && warnings.push(event.message))
  const broken = { name: 'consumer', phase: 'intake', drain() {}, watch: () => { throw new Error('no client') } } as const
  expect(() => lifecycle.add(broken)).toThrow('no client')
  lifecycle.add({ ...broken, watch: (() => Promise.reject(new Error('no events'))) as never })
  await new Promise((resolve) => setImmediate(resolve))
  expect(warnings).toEqual(['consumer: watch: no events'])
  expect((await lifecycle.stop()).steps.map(({ name }) => name)).toEqual(['consumer'])
})

test('refuses an answer that it does not know', () => {
  const lifecycle = createLifecycle({ env: {} })
  expect(() => lifecycle.add({ name: 'consumer', phase: 'intake', drain() {} }, { whenEnded: 'restart' as never })).toThrow('whenEnded must be "tell", "not-ready" or "stop"; it is "restart" (string)')
})
