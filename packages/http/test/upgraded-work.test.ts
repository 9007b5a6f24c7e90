import { once } from 'node:events'
import { createServer } from 'node:http'
import { createLifecycle, trackedWork } from '@lameduck/core'
import { expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { httpServer } from '../src/index.ts'
import { drainContext, quiesceContext, within } from './support/context.ts'
import { done, goingAway, rawOf, room, soonMs, stop, textOf } from './support/room.ts'
import { gate, serve } from './support/serve.ts'

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

const noAnswers = { ...done, done: 1, unknown: 1, reasons: [expect.stringMatching(/^upgradedWork had units in hand when clients were told to go, so their answers reach nobody: its work lasts too long/)] }

// Catches: `clean`, where the rows are written, and the answers reach nobody.
test('what is in hand when its time is over is counted as unknown, in a lifecycle, through to its end', async () => {
  const work = trackedWork('messages')
  const due = gate()
  const { resource, client, heard, received } = await room({ options: { upgradedWork: work }, onMessage: (socket) => void work.run(() => due.opened.then(() => socket.send('shipped'))).catch(() => {}) })
  const lifecycle = createLifecycle({ env: {}, policy: { graceMs: 6_000, preStopMs: 0 } })
  lifecycle.add(work)
  lifecycle.add(resource)
  await lifecycle.start()
  for (const order of [1, 2, 3]) {
    client.send(`order ${order}`)
    await heard()
  }
  client.on('close', () => due.open())
  const { result, steps } = await lifecycle.stop()
  expect(result).toBe('unknown')
  expect(steps.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual(['http unknown', 'messages drained'])
  expect(steps[0]?.work).toEqual({ ...noAnswers, unknown: 3, reasons: [expect.stringMatching(/^upgradedWork .* \(×3\)$/)] })
  expect(steps[1]?.work).toMatchObject({ done: 3 })
  expect(received).toEqual([1001])
})

// Catches: a doubt where closeUpgraded lets the application say the last word, and the answers are delivered before its clients leave.
test('… but not where the clients still get the answers', async () => {
  const work = trackedWork('messages')
  const due = gate()
  const { resource, client, heard, socket, received } = await room({
    options: { upgradedWork: work, closeUpgraded: () => socket.send('please go') },
    onMessage: (each) => work.run(() => due.opened.then(() => each.send('shipped'))),
  })
  client.send('order 1')
  await heard()
  client.on('message', (data) => (textOf(data) === 'please go' ? due.open() : client.close()))
  resource.quiesce?.(quiesceContext)
  await resource.drain(drainContext(1_000))
  expect(received.slice(0, 2)).toEqual(['please go', 'shipped'])
  expect(resource.tally?.()).toEqual(done)
})

// Catches: the last client, whose close ends the drain.
test('… and in doubt again where they leave without them', async () => {
  const work = trackedWork('messages')
  const { resource, client, heard, socket } = await room({ options: { upgradedWork: work, closeUpgraded: () => socket.send('please go') }, onMessage: () => work.run(() => new Promise<void>(() => {})) })
  client.send('order 1')
  await heard()
  client.on('message', () => client.close())
  resource.quiesce?.(quiesceContext)
  await resource.drain(drainContext(1_000))
  expect(resource.tally?.()).toEqual(noAnswers)
})

test('an answer behind the 1001 is read by no client: it is in doubt as well', async () => {
  const work = trackedWork('messages')
  const due = gate()
  const { resource, client, heard, socket, received } = await room({ options: { upgradedWork: work }, onMessage: (each) => work.run(() => due.opened.then(() => each.send('shipped'))) })
  client.send('order 1')
  await heard()
  const raw = rawOf(socket)
  const write = raw.write.bind(raw) as (...parameters: unknown[]) => boolean
  raw.write = (...parameters: unknown[]) => {
    if (Buffer.isBuffer(parameters[0]) && parameters[0].equals(Buffer.from(goingAway, 'latin1'))) due.open()
    return write(...parameters)
  }
  const closed = once(client, 'close')
  resource.quiesce?.(quiesceContext)
  await resource.drain(drainContext(1_000))
  await closed
  expect(received).toEqual([1001])
  expect(resource.tally?.()).toEqual(noAnswers)
})

// Catches: 1001 in the middle of a message that came while the others were told.
test('a message that comes while goodbyes are said is answered before its own', async () => {
  const work = trackedWork('messages')
  const due = gate()
  const server = createServer()
  const resource = httpServer(server, { upgradedWork: work, upgradedSpreadMs: 200 })
  new WebSocketServer({ server }).on('connection', (socket) => socket.on('message', () => void work.run(() => due.opened.then(() => socket.send('shipped')))))
  const port = await serve(server)
  const [first, second] = [new WebSocket(`ws://127.0.0.1:${port}`), new WebSocket(`ws://127.0.0.1:${port}`)]
  await Promise.all([once(first, 'open'), once(second, 'open')])
  // Whoever is told later asks when the other has gone.
  const gone = await new Promise<WebSocket>((resolve) => {
    for (const each of [first, second]) each.once('close', () => resolve(each))
    resource.quiesce?.(quiesceContext)
    void Promise.resolve(resource.drain(drainContext()))
  })
  const other = gone === first ? second : first
  const received: unknown[] = []
  other.on('message', (data) => received.push(textOf(data)))
  const closed = once(other, 'close')
  other.send('order 1')
  expect(await within(600, closed)).toBe('pending')
  due.open()
  received.push((await closed)[0])
  expect(received).toEqual(['shipped', 1001])
  await expect.poll(() => resource.tally?.()).toEqual({ ...done, done: 2 })
})

test('upgradedWork that breaks is told, and the goodbyes are said', async () => {
  const boom = new Error('no such pool')
  for (const upgradedWork of [{ count: () => { throw boom }, begunBefore: () => 0 }, { count: () => 1, begunBefore: () => { throw boom } }, { count: () => 0, begunBefore: () => 0, onEnd: () => { throw boom } }]) {
    const { resource, client } = await room({ options: { upgradedWork } })
    const closed = once(client, 'close')
    await expect(resource.drain(drainContext())).rejects.toThrow('upgradedWork cannot say what it has in hand: no such pool')
    expect((await closed)[0]).toBe(1001)
  }
})
