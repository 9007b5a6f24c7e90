import { expect, test } from 'vitest'
import { bindProcess } from './bind-process.ts'
import { createLifecycle } from '../engine/create-lifecycle.ts'
import { createFakeProcess } from '../testing/fake-process.ts'

test.each<[string, object | null, string]>([
  ['a word that is none', { signal: ['SIGTERM'] }, 'bindProcess(): the option signal is not known; did you mean signals? Known are signals, otherListeners, onUncaught,'],
  ['no object', null, 'bindProcess() takes an object of options; it was given null (null)'],
  ['a wish that is none', { otherListeners: 'adapt' }, 'otherListeners must be one of "warn", "adopt", "ignore"; it is "adapt" (string)'],
  ['a choice that is none', { onUncaught: false }, 'onUncaught must be one of "stop", "leave"; it is false (boolean)'],
  ['a receiver that is none', { onReport: 'stdout' }, 'onReport must be a function; it is "stdout" (string)'],
  ['a time that is none', { onReportMs: '2s' }, 'onReportMs must be a number of milliseconds, at least 0; it is "2s" (string)'],
  ['a signal that cannot be caught', { signals: ['SIGKILL'] }, 'signals must name signals that a process can catch; one is "SIGKILL" (string)'],
])('refuses %s, and puts no listener on the process', (_what, options, message) => {
  const target = createFakeProcess()
  const lifecycle = createLifecycle({ env: {} })
  expect(() => bindProcess(lifecycle, (options === null ? options : { process: target, ...options }) as never)).toThrow(message)
  expect(target.listenerCount('SIGTERM') + target.listenerCount('newListener')).toBe(0)
})
