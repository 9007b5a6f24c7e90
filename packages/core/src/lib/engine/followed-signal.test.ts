import { addAbortListener } from 'node:events'
import { expect, test } from 'vitest'
import type { Lifecycle } from '../lifecycle.ts'
import { createLifecycle } from './create-lifecycle.ts'
import { createFollowedSignal } from './followed-signal.ts'

// Catches: the last flush in an async listener of `lifecycle.stopping`, lost with a clean report.
test.each(['stopping', 'draining'] as const)('an async listener of %s that is still at work in the end is a doubt, and one that has finished is none', async (name) => {
  const stopWith = async (listen: (lifecycle: Lifecycle) => void): Promise<unknown> => {
    const lifecycle = createLifecycle({ env: {} })
    listen(lifecycle)
    lifecycle.add({ name: 'db', phase: 'connections', drain: () => new Promise((resolve) => setImmediate(resolve)) })
    const { result, exitCode, warnings } = await lifecycle.stop()
    return { result, exitCode, warnings }
  }
  const clean = { result: 'clean', exitCode: 0, warnings: [] }
  const doubtful = {
    result: 'unknown',
    exitCode: 0,
    warnings: [expect.stringMatching(`^When everything had stopped, an async listener of lifecycle.${name} had not finished, and no step waited for it\\.`)],
  }
  expect(await stopWith((lifecycle) => lifecycle[name].addEventListener('abort', (async () => {}) as () => void))).toEqual(clean)
  expect(await stopWith((lifecycle) => lifecycle[name].addEventListener('abort', () => {}))).toEqual(clean)
  // It cannot end before the stop does.
  expect(await stopWith((lifecycle) => lifecycle[name].addEventListener('abort', (async () => void (await lifecycle.stop())) as () => void))).toEqual(clean)
  expect(await stopWith((lifecycle) => lifecycle[name].addEventListener('abort', (() => new Promise(() => {})) as () => void))).toEqual(doubtful)
  expect(await stopWith((lifecycle) => lifecycle[name].addEventListener('abort', { handleEvent: (() => new Promise(() => {})) as () => void }))).toEqual(doubtful)
})

test('it is a signal like any other', async () => {
  const { signal, abort, pending, settled } = createFollowedSignal()
  const called: string[] = []
  const twice = (): void => void called.push('twice')
  const removed = (): void => void called.push('removed')
  signal.addEventListener('abort', twice)
  signal.addEventListener('abort', twice)
  signal.addEventListener('abort', removed)
  signal.removeEventListener('abort', removed)
  signal.addEventListener('abort', () => void called.push('once'), { once: true })
  signal.addEventListener('abort', { handleEvent: () => void called.push('object') })
  const removedObject = { handleEvent: () => void called.push('removed object') }
  signal.addEventListener('abort', removedObject)
  signal.removeEventListener('abort', removedObject)
  signal.addEventListener('abort', function (this: AbortSignal) {
    called.push(String(this === signal))
  })
  addAbortListener(signal, () => void called.push('helper'))
  AbortSignal.any([signal]).addEventListener('abort', () => void called.push('any'))
  expect(signal).toBeInstanceOf(AbortSignal)
  abort()
  expect(called.toSorted()).toEqual(['any', 'helper', 'object', 'once', 'true', 'twice'])
  expect(pending()).toBe(0)
  await settled()
})

test('what a listener rejects with is told as it would be otherwise, and holds up nothing', async () => {
  const { signal, abort, pending, settled } = createFollowedSignal()
  const told = new Promise((resolve) => process.once('uncaughtException', resolve))
  signal.addEventListener('abort', (() => Promise.reject(new Error('no such file'))) as () => void)
  abort()
  expect(pending()).toBe(1)
  await settled()
  expect(pending()).toBe(0)
  expect(await told).toMatchObject({ message: 'no such file' })
})
