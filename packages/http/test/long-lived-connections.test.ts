import { once } from 'node:events'
import { createTRPCClient, createWSClient, httpSubscriptionLink, wsLink } from '@trpc/client'
import { EventSource } from 'eventsource'
import { createClient } from 'graphql-ws'
import { io } from 'socket.io-client'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { get, rawClient } from './support/raw-client.ts'
import { runService, snippetOf, type Service } from './support/snippets.ts'

const page = new URL('../../../docs/long-lived-connections.md', import.meta.url)

/** Far below a poll of socket.io (25 s), the grace period, and a keep-alive timeout. */
const soonMs = 3_000

async function serviceOf(heading: string): Promise<Service> {
  return runService(await snippetOf(page, heading))
}

async function expectClean(service: Service): Promise<void> {
  const { code, report } = await service.stop()
  expect(report).toMatchObject({ result: 'clean', warnings: [] })
  expect(report.tookMs).toBeLessThan(soonMs)
  expect(code).toBe(0)
}

const tracked = await snippetOf(page, 'WebSockets')

/** As most people write it. */
const plain = tracked.replace('work.wrap(async (order) => {', 'async (order) => {').replace('  }))', '  })').replace(', upgradedWork: work', '')

/** Telemetry: nobody answers it. */
const oneWay = (source: string): string => source.replace(/ +socket\.send.*\n/, '')

/** What a client gets that has sent a message, whose handler is at work at SIGTERM. */
async function askAndStop(source: string): Promise<{ readonly told: unknown[]; readonly result: string; readonly reasons: readonly string[]; readonly tookMs: number }> {
  const service = await runService(source)
  const client = new WebSocket(`ws://127.0.0.1:${service.port}/chat`)
  const told: unknown[] = []
  const closed = once(client, 'close')
  client.on('message', (data) => told.push((data as Buffer).toString())).on('close', (code) => told.push(code))
  await once(client, 'open')
  client.send('order 1')
  expect(await service.line()).toBe('begun')
  const { code, report } = await service.stop()
  await closed
  expect(code).toBe(0)
  return { told, result: report.result, reasons: report.steps.flatMap(({ work }) => work?.reasons ?? []), tookMs: report.tookMs }
}

// Catches: 1001 in the middle of a handler, and `clean` with its answer and its work lost.
test('a message in hand is answered before the 1001', async () => {
  expect(plain).not.toMatch(/wrap|upgradedWork/)
  for (const source of [tracked, plain]) expect(await askAndStop(source)).toMatchObject({ told: ['order 1 is shipped', 1001], result: 'clean', reasons: [] })
})

test('… one that is never answered is unknown, unless the work that it begins is known', async () => {
  const reasons = ['GET /chat (websocket): its last message was not answered when it was closed']
  expect(await askAndStop(oneWay(plain))).toMatchObject({ told: [1001], result: 'unknown', reasons })
  const { tookMs, ...known } = await askAndStop(oneWay(tracked))
  expect(known).toEqual({ told: [1001], result: 'clean', reasons: [] })
  expect(tookMs).toBeLessThan(1_500)
})

test('… and one that takes longer than anybody waits for is unknown as well', async () => {
  const long = (source: string): string => source.replace('setTimeout(300)', 'setTimeout(4_000)')
  expect(await askAndStop(long(plain))).toMatchObject({ told: [1001], result: 'unknown' })
  expect(await askAndStop(long(tracked))).toMatchObject({ told: ['order 1 is shipped', 1001], result: 'clean' })
})

test('an event stream ends with its last event, a long poll with an answer', async () => {
  const service = await serviceOf('Event streams and long polls')
  const [stream, poll] = [await rawClient(service.port), await rawClient(service.port)]
  stream.send(get('/'))
  await stream.until(/hello/)
  poll.send(get('/poll'))
  // One that has been read behind it: both have arrived.
  const last = await rawClient(service.port)
  last.send(get('/'))
  await last.until(/hello/)
  await expectClean(service)
  expect(await stream.until(/0\r\n\r\n$/)).toContain('event: bye\n')
  expect(poll.text()).toMatch(/200 OK[^]*nothing new\n$/)
})

test('better-sse: its last event arrives, and the client comes back', async () => {
  const service = await serviceOf('better-sse')
  const source = new EventSource(`http://127.0.0.1:${service.port}/`)
  onTestFinished(() => source.close())
  const lost = new Promise((resolve) => {
    source.addEventListener('error', resolve)
  })
  const bye = new Promise<string>((resolve) => {
    source.addEventListener('bye', ({ data }) => resolve(String(data)))
  })
  await new Promise((resolve) => {
    source.addEventListener('message', resolve)
  })
  await expectClean(service)
  expect(await bye).toBe('"see you"')
  await lost
  expect(source.readyState).toBe(EventSource.CONNECTING)
})

// Catches: `io.close()` after the drain, which costs a poll's 25 s, and `io.disconnectSockets()`, after which clients stay away.
test.each(['polling', 'websocket'] as const)('socket.io over %s: the client comes back', async (transport) => {
  const service = await serviceOf('socket.io')
  const client = io(`http://127.0.0.1:${service.port}`, { transports: [transport] })
  onTestFinished(() => void client.close())
  await new Promise((resolve) => client.once('hello', () => resolve(undefined)))
  if (transport === 'polling') await expect.poll(() => (client.io.engine.transport as unknown as { _polling: boolean })._polling).toBe(true)
  const disconnected = new Promise((resolve) => client.once('disconnect', resolve))
  const again = new Promise((resolve) => client.io.once('reconnect_attempt', resolve))
  await expectClean(service)
  // An error where its next poll came too late. After what the server had asked for it would stay away.
  expect(await disconnected).toMatch(/^transport (close|error)$/)
  expect(client.active).toBe(true)
  expect(await again).toBe(1)
})

const chat = await snippetOf(page, 'socket.io')

test.each([
  ['polling', 'as the page has it', chat, ['clean', '7 is shipped']],
  ['websocket', 'as the page has it', chat, ['clean', '7 is shipped']],
  ['websocket', 'with work that nobody knows', chat.replace('work.wrap(async', '(async').replace(/ +upgradedWork.*\n/, ''), ['unknown', 'none']],
] as const)('socket.io over %s: an event in hand, %s', async (transport, _how, source, expected) => {
  const service = await runService(source)
  const client = io(`http://127.0.0.1:${service.port}`, { transports: [transport], reconnection: false })
  onTestFinished(() => void client.close())
  await new Promise((resolve) => client.once('hello', () => resolve(undefined)))
  const answer = (client.emitWithAck('order', 7) as Promise<unknown>).catch(() => 'none')
  expect(await service.line()).toBe('begun')
  const { report } = await service.stop()
  expect([report.result, await answer]).toEqual(expected)
})

test('graphql-ws: a subscription gets 1001, and is tried again', async () => {
  const service = await serviceOf('GraphQL subscriptions: graphql-ws')
  const client = createClient({ url: `ws://127.0.0.1:${service.port}/graphql`, webSocketImpl: WebSocket, retryWait: () => new Promise((resolve) => setTimeout(resolve, 50)) })
  // It is in the middle of trying again.
  onTestFinished(() => Promise.resolve(client.dispose()).catch(() => {}))
  const closed = new Promise((resolve) => {
    client.on('closed', (event) => resolve((event as { code: number }).code))
  })
  const isRetry = new Promise((resolve) => {
    client.on('connecting', (again) => again && resolve(true))
  })
  await new Promise<void>((resolve) => {
    client.subscribe({ query: 'subscription { ticks }' }, { next: () => resolve(), error: () => {}, complete: () => {} })
  })
  await expectClean(service)
  expect(await closed).toBe(1001)
  expect(await isRetry).toBe(true)
})

test('Apollo: the query in flight is answered, and then Apollo stops', async () => {
  const service = await serviceOf('Apollo Server')
  const answer = fetch(`http://127.0.0.1:${service.port}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query: '{ hello }' }) })
  expect(await service.line()).toBe('asked')
  await expectClean(service)
  const response = await answer
  expect([response.headers.get('connection'), await response.json()]).toEqual(['close', { data: { hello: 'world' } }])
})

test.each(['event stream', 'WebSocket'] as const)('tRPC: a subscription comes back, over: %s', async (how) => {
  const service = await serviceOf('tRPC subscriptions')
  const socket = how === 'WebSocket' ? createWSClient({ url: `ws://127.0.0.1:${service.port}`, WebSocket: WebSocket as never }) : undefined
  const link = socket ? wsLink({ client: socket }) : httpSubscriptionLink({ url: `http://127.0.0.1:${service.port}`, EventSource: EventSource as never })
  const client = createTRPCClient<never>({ links: [link] }) as unknown as { ticks: { subscribe(input: undefined, callbacks: object): { unsubscribe(): void } } }
  const states: string[] = []
  let began = (): void => {}
  const first = new Promise<void>((resolve) => {
    began = resolve
  })
  const subscription = client.ticks.subscribe(undefined, {
    onData: () => began(),
    onError: () => {},
    onConnectionStateChange: ({ state }: { state: string }) => states.push(state),
  })
  onTestFinished(() => {
    subscription.unsubscribe()
    void socket?.close()
  })
  await first
  await expectClean(service)
  await expect.poll(() => states.slice(0, 3)).toEqual(['connecting', 'pending', 'connecting'])
})

test('a WebSocket of ws gets 1001 without a word in the service', async () => {
  const service = await serviceOf('GraphQL subscriptions: graphql-ws')
  const client = new WebSocket(`ws://127.0.0.1:${service.port}/graphql`, 'graphql-transport-ws')
  await once(client, 'open')
  const closed = once(client, 'close')
  await expectClean(service)
  expect((await closed)[0]).toBe(1001)
})
