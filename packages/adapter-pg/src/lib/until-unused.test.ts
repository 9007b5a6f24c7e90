import { EventEmitter } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { untilUnused } from './until-unused.ts'

const never = new AbortController().signal

async function turns(count: number): Promise<void> {
  for (let each = 0; each < count; each += 1) await turn()
}

test('an event is enough: it does not wait for the next poll', async () => {
  const source = new EventEmitter()
  let unused = false
  let isOver = false
  const over = untilUnused(source, ['release'], () => unused, never).then(() => (isOver = true))
  await turns(3)
  expect(isOver).toBe(false)
  unused = true
  source.emit('release')
  await turns(3)
  expect(isOver).toBe(true)
  await over
})

test('a pause of one turn between two uses is not the end, and nothing is left on the source after it', async () => {
  const source = new EventEmitter()
  const answers = [true, false, true, true]
  const over = untilUnused(source, ['release'], () => answers.shift() ?? true, never)
  await turns(4)
  expect(answers).toEqual([true, true])
  source.emit('release')
  await over
  expect(answers).toEqual([])
  expect(source.listenerCount('release')).toBe(0)
})

test('rejects at once when the signal has aborted before', async () => {
  const source = new EventEmitter()
  await expect(untilUnused(source, ['release'], () => true, AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late')
  expect(source.listenerCount('release')).toBe(0)
})
