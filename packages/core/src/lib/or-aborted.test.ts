import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { orAborted } from './or-aborted.ts'

const reason = new Error('time is up')

test('settles like the promise, and leaves no listener', async () => {
  const { signal } = new AbortController()
  expect(await orAborted(Promise.resolve(1), signal)).toBe(1)
  await expect(orAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no')
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('rejects with the reason when the signal aborts first, or has aborted', async () => {
  const abort = new AbortController()
  const waiting = orAborted(new Promise(() => {}), abort.signal)
  abort.abort(reason)
  await expect(waiting).rejects.toBe(reason)
  await expect(orAborted(Promise.resolve(1), abort.signal)).rejects.toBe(reason)
})

test('a rejection after the abort is nobody’s', async () => {
  const unhandled: unknown[] = []
  const onUnhandled = (error: unknown): void => void unhandled.push(error)
  process.on('unhandledRejection', onUnhandled)
  let fail: (error: Error) => void = () => {}
  const late = orAborted(new Promise((_resolve, reject) => (fail = reject)), AbortSignal.abort(reason))
  await expect(late).rejects.toBe(reason)
  fail(new Error('late'))
  await new Promise((resolve) => setImmediate(resolve))
  process.off('unhandledRejection', onUnhandled)
  expect(unhandled).toEqual([])
})
