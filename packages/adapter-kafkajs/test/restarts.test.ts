import { beforeAll, describe, expect, test } from 'vitest'
import { startBroker, type Broker } from './support/broker.ts'
import { rollOut, type RollOut } from './support/roll-out.ts'

// Restarts of whole processes under load, with another member that takes over each time. All modes at once: most of the time is waiting.

let broker: Broker
beforeAll(async () => {
  broker = await startBroker()
  return () => broker.stop()
})

const modes = {
  message: 'eachMessage, automatic commits',
  messages: 'eachMessage, automatic commits, three partitions at once',
  messagesByHand: 'eachMessage, manual commits, three partitions at once',
  batches: 'eachBatch, automatic commits, two partitions at once',
  batchByHand: 'eachBatch, manual commits',
}

function inAll<M extends string>(each: readonly M[], options: { helper: 'lameduck' | 'naive'; restarts: number; storm?: boolean }): Promise<Map<M, RollOut>> {
  const outcomes = each.map(async (mode) => [mode, await rollOut({ brokers: broker.brokers, mode, ...options })] as const)
  return Promise.all(outcomes).then((entries) => new Map(entries))
}

function expectNothingLost(outcomes: Map<string, RollOut>, exits: number): void {
  for (const [mode, outcome] of outcomes) {
    const left = outcome.exits.map(({ code, result }) => `${code} ${result}`)
    expect({ mode, lost: outcome.lost, twice: outcome.twice, left }).toEqual({ mode, lost: 0, twice: 0, left: Array.from({ length: exits }, () => '0 clean') })
  }
}

test('ten rolling restarts in each mode: none is lost and none is handled twice', { timeout: 180_000 }, async () => {
  expectNothingLost(await inAll(Object.values(modes), { helper: 'lameduck', restarts: 10 }), 12)
})

// Beside each other: the control waits for plain consumers that crash.
describe.concurrent('more at once', () => {
  test('a storm: three members leave one shortly after the other, twice: none is lost and none is handled twice', { timeout: 180_000 }, async () => {
    expectNothingLost(await inAll([modes.message, modes.messagesByHand, modes.batches], { helper: 'lameduck', restarts: 2, storm: true }), 9)
  })

  test('control: a signal handler that awaits consumer.disconnect() loses or repeats', { timeout: 180_000 }, async () => {
    const faults = { [modes.batches]: 0, [modes.messagesByHand]: 0, [modes.batchByHand]: 0 }
    // Whether a signal meets what it loses is chance: until each has.
    while (Object.values(faults).includes(0)) {
      const missing = Object.keys(faults).filter((mode) => faults[mode] === 0)
      for (const [mode, { lost, twice }] of await inAll(missing, { helper: 'naive', restarts: 3 })) {
        // kafkajs resolves the batch that the handler has left, and drops commits by hand.
        faults[mode] = mode === modes.batches ? lost : twice
      }
    }
  })
})
