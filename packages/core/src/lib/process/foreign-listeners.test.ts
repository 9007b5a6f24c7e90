import { expect, test } from 'vitest'
import { createFakeProcess } from '../testing/fake-process.ts'
import { foreignListeners } from './foreign-listeners.ts'

test('names listeners that are not ours, once each, by their name or how they begin', () => {
  const target = createFakeProcess()
  const ours = (): void => {}
  function closeEverything(): void {}
  target.on('SIGTERM', ours)
  target.on('SIGTERM', closeEverything)
  target.once('SIGINT', closeEverything)
  target.on('SIGTERM', () => void process.uptime())
  target.on('SIGUSR2', () => {})
  expect(foreignListeners(target, ['SIGTERM', 'SIGINT'], new Set([ours]))).toEqual([
    'SIGTERM: function closeEverything',
    'SIGTERM: () => void process.uptime()',
    'SIGINT: function closeEverything',
  ])
})
