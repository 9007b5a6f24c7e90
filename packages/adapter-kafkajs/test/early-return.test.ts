import type { Lifecycle } from '@lameduck/core'
import type { EachBatchPayload } from 'kafkajs'
import { beforeAll, describe, expect, test } from 'vitest'
import { sharedBroker, type Broker } from './support/broker.ts'
import { consuming, stepOf, type Consuming } from './support/consuming.ts'
import { createGate } from './support/gate.ts'

// Handlers of batches that return before they are done with the batch, or seem to, while kafkajs would resolve all of it.

let broker: Broker
beforeAll(async () => {
  broker = await sharedBroker()
  return () => broker.stop()
})

/** What a handler knows of its service. */
interface Service {
  readonly lifecycle: Lifecycle
  readonly own: { aborted: boolean }
}

/** Whether to leave, by all that a handler may know of. */
const ways: Record<string, (service: Service, payload: EachBatchPayload) => boolean> = {
  'lifecycle.stopping': ({ lifecycle }) => lifecycle.stopping.aborted,
  'a flag of its own': ({ own }) => own.aborted,
  'the state of the lifecycle': ({ lifecycle }) => lifecycle.state.name === 'draining',
  'isRunning()': (_service, payload) => !payload.isRunning(),
}

const messages = 10
const doneFirst = 3

/** A handler that leaves its batch at the signal, in the middle: it has handled three, and the first of them is what it is at when the signal comes. */
async function leaving(way: keyof typeof ways, resolve: 'each' | 'none', eachBatchAutoResolve: boolean = true): Promise<Consuming & { begun: Promise<void>; goOn: () => void }> {
  const own = { aborted: false }
  const begun = createGate()
  const gate = createGate()
  const subject = await consuming(broker, {
    messages,
    run: (_consumer, _topic, lifecycle) => ({
      eachBatchAutoResolve,
      async eachBatch(payload) {
        let handled = 0
        for (const message of payload.batch.messages) {
          if (ways[way]?.({ lifecycle, own }, payload)) return
          if (++handled === doneFirst) {
            begun.open()
            await gate.opened
          }
          if (resolve === 'each') payload.resolveOffset(message.offset)
        }
      },
    }),
  })
  subject.lifecycle.stopping.addEventListener('abort', () => (own.aborted = true))
  return { ...subject, begun: begun.opened, goOn: gate.open }
}

describe('eachBatch with eachBatchAutoResolve, left at the signal', () => {
  test.each(Object.keys(ways))('by %s: what it resolved is committed', async (way) => {
    const { stop, committed, begun, goOn, topic } = await leaving(way, 'each')
    await begun
    const stopped = stop()
    goOn()
    const report = await stopped
    expect(await committed()).toEqual([doneFirst, 0, 0])
    expect(report.result).toBe('clean')
    expect(stepOf(report)?.work).toMatchObject({ done: 0, failed: 0, cut: 0, reasons: [`delivered again: ${topic}[0] offsets 3 to 9, not resolved when the handler returned after the signal`] })
  })

  test('without having resolved any: all of it comes again', async () => {
    const { stop, committed, begun, goOn } = await leaving('lifecycle.stopping', 'none')
    await begun
    const stopped = stop()
    goOn()
    expect((await stopped).result).toBe('clean')
    expect(await committed()).toEqual([0, 0, 0])
  })
})

test('eachBatch without eachBatchAutoResolve, left at the signal: what comes again is named as well, and is not done', async () => {
  const { stop, committed, begun, goOn, topic } = await leaving('isRunning()', 'each', false)
  await begun
  const stopped = stop()
  goOn()
  expect(stepOf(await stopped)).toMatchObject({ outcome: 'drained', work: { done: 0, reasons: [`delivered again: ${topic}[0] offsets 3 to 9, not resolved when the handler returned after the signal`] } })
  expect(await committed()).toEqual([doneFirst, 0, 0])
})

test('a batch whose last message is resolved is committed as a whole, whenever its handler returns', async () => {
  const begun = createGate()
  const gate = createGate()
  const { stop, committed } = await consuming(broker, {
    messages,
    run: () => ({
      async eachBatch(payload) {
        begun.open()
        await gate.opened
        payload.resolveOffset(payload.batch.lastOffset())
      },
    }),
  })
  await begun.opened
  const stopped = stop()
  gate.open()
  const report = await stopped
  expect(await committed()).toEqual([messages, 0, 0])
  expect(stepOf(report)).toMatchObject({ outcome: 'drained', work: { done: 1, reasons: [] } })
})

test('before the signal a return means what it means in kafkajs', async () => {
  const { stop, committed } = await consuming(broker, { messages, run: () => ({ eachBatch: async () => {} }) })
  await expect.poll(committed).toEqual([messages, 0, 0])
  expect(stepOf(await stop())).toMatchObject({ outcome: 'idle', work: { reasons: [] } })
})
