import { once } from 'node:events'
import { createServer } from 'node:http'
import { trackedWork } from '@lameduck/core'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { httpServer } from '../src/index.ts'
import { drainContext, within } from './support/context.ts'
import { done, room, soonMs, stop } from './support/room.ts'
import { gate } from './support/serve.ts'

// Catches: telemetry that is never answered, and makes every stop unknown and 2 s longer.
test('with upgradedWork nothing is doubted, and all are told when it is idle', async () => {
  const work = trackedWork('messages')
  const due = gate()
  const { resource, client, heard, received } = await room({ options: { upgradedWork: work }, onMessage: (socket) => work.run(() => due.opened.then(() => socket.send('shipped'))) })
  client.send('order 1')
  await heard()
  const stopped = stop(resource, client)
  expect(await within(2_300, stopped)).toBe('pending')
  due.open()
  expect((await stopped).work).toEqual(done)
  expect(received).toEqual(['shipped', 1001])

  const oneWay = await room({ options: { upgradedWork: work } })
  oneWay.client.send('21.5 °C')
  await oneWay.heard()
  const { tookMs, work: counted } = await oneWay.stop()
  expect(counted).toEqual(done)
  expect(tookMs).toBeLessThan(soonMs)
})

// Catches: the WebSocket alone, of which nobody sees that it is the work that holds it.
test('… and until then the work is named that is waited for', async () => {
  const work = trackedWork('messages')
  const due = gate()
  const { resource, client, heard } = await room({ options: { upgradedWork: work }, onMessage: () => work.run(() => due.opened, 'order') })
  client.send('order 1')
  await heard()
  expect(resource.waitingFor?.()).toEqual([expect.stringMatching(/^GET \/chat \(websocket\) /)])
  const stopped = stop(resource, client)
  await expect.poll(() => resource.waitingFor?.()).toEqual([expect.stringMatching(/^upgradedWork: 1 in hand, the oldest order \d\.\d s$/), expect.stringMatching(/^GET \/chat \(websocket\) /)])
  due.open()
  await stopped
  expect(resource.waitingFor?.()).toEqual([])
})

test('… at the latest after half of the time; also those that come late', async () => {
  const work = trackedWork('messages')
  const { resource, client, heard, port } = await room({ options: { upgradedWork: work }, onMessage: () => work.run(() => new Promise<void>(() => {})) })
  client.send('order 1')
  await heard()
  const other = new WebSocket(`ws://127.0.0.1:${port}/chat`)
  const closed = Promise.all([once(client, 'close'), once(other, 'close')])
  await once(other, 'upgrade')
  expect(await within(2_000, Promise.resolve(resource.drain(drainContext(1_000))))).toBeUndefined()
  expect((await closed).map(([code]) => code as number)).toEqual([1001, 1001])
})

test('upgradedWork that cannot say what it has in hand is refused at once', () => {
  for (const upgradedWork of [null, 'work', {}, { count: 1, begunBefore: () => 0 }]) {
    expect(() => httpServer(createServer(), { upgradedWork: upgradedWork as never })).toThrow(/upgradedWork must say what it has in hand, as what trackedWork\(\) returns does; it is /)
  }
})
