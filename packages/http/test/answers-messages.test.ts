import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { trackedWork } from '@lameduck/core'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { drainContext, quiesceContext } from './support/context.ts'
import { done, room, soonMs, unanswered, type Room } from './support/room.ts'

/** As a thermometer does it, for as long as tells that nobody answers. */
async function measure({ client }: Room): Promise<void> {
  for (let n = 0; n < 56; n += 1) {
    client.send('21.5 °C')
    await setTimeout(100)
  }
}

// Catches: 2 s in every stop of a server that takes telemetry.
test('where messages are never answered no answer is waited for; the last message stays in doubt', async () => {
  const telemetry = await room()
  await measure(telemetry)
  const { tookMs, work } = await telemetry.stop()
  expect(work).toEqual(unanswered)
  expect(tookMs).toBeLessThan(soonMs)
}, 10_000)

test('… and none of its work is in doubt, which ends in its own phase', async () => {
  const work = trackedWork('messages')
  const telemetry = await room({ options: { upgradedWork: work }, onMessage: () => work.run(() => new Promise<void>(() => {})) })
  await measure(telemetry)
  telemetry.resource.quiesce?.(quiesceContext)
  await telemetry.resource.drain(drainContext(1_000))
  expect(telemetry.resource.tally?.()).toEqual(done)
}, 10_000)

// Catches: an order taken for telemetry, since another client sends that.
test('… but it is where somebody was answered', async () => {
  const shop = await room({ onMessage: (socket, text) => void (text === 'order 1' && socket.send('shipped')) })
  const thermometer = new WebSocket(`ws://127.0.0.1:${shop.port}/chat`)
  await once(thermometer, 'open')
  shop.client.send('order 1')
  await once(shop.client, 'message')
  await measure({ ...shop, client: thermometer })
  shop.client.send('order 2')
  await shop.heard()
  const { tookMs } = await shop.stop()
  expect(tookMs).toBeGreaterThan(1_500)
}, 15_000)
