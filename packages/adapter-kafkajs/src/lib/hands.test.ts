import { createTally } from '@lameduck/core'
import { describe, expect, test } from 'vitest'
import type { BatchPayload, KafkaConsumerClient, RunConfig } from './consumer-client.ts'
import { createConsumerTally } from './consumer-tally.ts'
import { eachMessageHandler } from './each-message.ts'
import { createHands } from './hands.ts'
import type { PrivateRunner } from './kafkajs-runner.ts'
import { createRewinds } from './rewinds.ts'
import { createUncommitted } from './uncommitted.ts'

interface Fixture {
  readonly hands: ReturnType<typeof createHands>
  readonly uncommitted: ReturnType<typeof createUncommitted>
  readonly resolved: string[]
  readonly logged: unknown[]
  /** As kafkajs calls it, with a batch of these offsets. */
  readonly handle: (...offsets: string[]) => Promise<void>
  /** Each commit waits for its answer. */
  readonly answers: (() => void)[]
}

function handling(run: RunConfig): Fixture {
  const logged: unknown[] = []
  const resolved: string[] = []
  const answers: (() => void)[] = []
  const consumer = { logger: () => ({ error: (...line: unknown[]) => logged.push(line) }) } as unknown as KafkaConsumerClient
  const uncommitted = createUncommitted()
  const rewinds = createRewinds()
  const shared = { autoCommit: true, uncommitted, rewinds, tally: createConsumerTally(createTally(), uncommitted, rewinds) }
  const hands = createHands({ ...shared, consumer })
  const runner: PrivateRunner = {
    consuming: true,
    heartbeat: async () => {},
    consumerGroup: {
      memberId: 'me',
      seekOffset: { size: 0 },
      isPaused: () => false,
      seekOffsets: async () => {},
      commitOffsets: () => new Promise((resolve) => answers.push(resolve)),
    },
  }
  const handler = eachMessageHandler(run, { ...shared, hands })
  const handle = (...offsets: string[]): Promise<void> => {
    const payload: BatchPayload = {
      batch: { topic: 'orders', partition: 0, messages: offsets.map((offset) => ({ offset })), lastOffset: () => String(offsets.at(-1)) },
      heartbeat: async () => {},
      pause: () => () => {},
      isRunning: () => true,
      isStale: () => false,
      resolveOffset: (offset) => resolved.push(offset),
      commitOffsetsIfNecessary: async () => {},
    }
    return handler.call(runner, payload)
  }
  return { hands, uncommitted, resolved, logged, handle, answers }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('kafkajs hears of no handler before it was told to stop, and a commit of the stop has its answer: that could overtake the last one on its way over another broker', async () => {
  let finish = (): void => {}
  const { hands, handle, answers, resolved } = handling({ eachMessage: () => new Promise((resolve) => (finish = resolve)) })
  let heard = false
  const heardOf = handle('7', '8').then(() => (heard = true))
  hands.close()
  await turn()
  finish()
  await turn()
  expect(hands.count()).toBe(0)
  expect(resolved, 'the next does not begin').toEqual(['7'])
  hands.release()
  await turn()
  expect(heard, 'the first commit has no answer').toBe(false)
  answers.shift()?.()
  await turn()
  expect(heard, 'nor has the one of the message').toBe(false)
  answers.shift()?.()
  await heardOf
  expect(answers).toEqual([])
})

test('a batch that comes when no handler may begin is left as it is', async () => {
  const { hands, handle, resolved } = handling({ eachMessage: async () => {} })
  hands.close()
  const refused = handle('7')
  await turn()
  hands.release()
  await refused
  expect(resolved).toEqual([])
})

describe('a handler that', () => {
  test.each([
    ['throws at once', () => { throw new Error('no') }, 'Error: no', []],
    ['rejects', () => Promise.reject(new Error('no')), 'Error: no', []],
    ['returns no promise', () => undefined as never, 'handled', ['the commit of orders[0] offset 7']],
  ])('%s is under way no longer', async (_how, eachMessage, outcome, waitingFor) => {
    const { hands, handle, uncommitted, logged } = handling({ eachMessage })
    expect(await handle('7').then(() => 'handled', String)).toBe(outcome)
    expect(hands.count()).toBe(0)
    expect(uncommitted.waitingFor()).toEqual(waitingFor)
    expect(logged).toEqual(outcome === 'handled' ? [] : [['Error when calling eachMessage', expect.objectContaining({ topic: 'orders', partition: 0, offset: '7' })]])
  })

  test('fails while the consumer stops makes kafkajs neither sleep nor crash', async () => {
    let fail = (_error: Error): void => {}
    const { hands, handle, answers, resolved } = handling({ eachMessage: () => new Promise((_resolve, reject) => (fail = reject)) })
    const handled = handle('7')
    hands.close()
    hands.release()
    fail(new TypeError('no'))
    await turn()
    while (answers.length > 0) {
      answers.shift()?.()
      await turn()
    }
    await handled
    expect(resolved).toEqual([])
  })
})
