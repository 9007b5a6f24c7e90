import { beforeAll, expect, test } from 'vitest'
import { sharedBroker, type Broker } from './support/broker.ts'
import { consuming, stepOf } from './support/consuming.ts'
import { createGate } from './support/gate.ts'
import { linkForTest } from './support/through-link.ts'

// A consumer that joins its group anew after a crash, and does not get through: what it has in hand then is not forgotten.

let broker: Broker
beforeAll(async () => {
  broker = await sharedBroker()
  return () => broker.stop()
})

test.each([false, true])('a call that is in hand when the join is given up is cut, and counted (not made by drainableKafka: %s)', async (plain) => {
  const { link, socketFactory } = await linkForTest(broker)
  const joining = createGate()
  let hasFailed = false
  const { stop, consumer } = await consuming(broker, {
    plain,
    messages: 1,
    kafka: { socketFactory },
    settings: { retry: { initialRetryTime: 50, retries: 0 } },
    run: () => ({
      async eachMessage() {
        if (hasFailed) return
        hasFailed = true
        throw new Error('the shop is closed')
      },
    }),
    also(_lifecycle, { consumer: joined }) {
      joined.on(joined.events.CRASH, () => {
        joined.on(joined.events.CONNECT, () => {
          link.freeze()
          joining.open()
        })
      })
    },
  })
  await joining.opened
  const call = consumer.describeGroup().then(() => 'answered', (error: Error) => error)
  const report = await stop()
  expect(await call).toMatchObject({ code: 'cut', resource: 'kafka-consumer' })
  expect(report.result).toBe('forced')
  expect(stepOf(report)).toMatchObject({ outcome: 'forced', errors: [], work: { done: 0, failed: 0, cut: 1, reasons: [expect.stringContaining('stand still for up to 30 s')] } })
})
