import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { cancelQuery } from './cancel-query.ts'

const readyForQuery = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])

/** A session with a peer that does something at each CancelRequest; comes back with the session and what to cancel it by. */
async function session(onCancel: (count: number, peer: Socket) => void) {
  const cancels: Buffer[] = []
  const peers: Socket[] = []
  const server = createServer((socket) => {
    peers.push(socket)
    socket.on('error', () => {})
    socket.on('data', (bytes: Buffer) => {
      cancels.push(bytes)
      onCancel(cancels.length, peers[0]!)
      socket.end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => {
    for (const each of [socket, ...peers]) each.destroy()
    server.close()
  })
  await once(socket, 'connect')
  return { socket, cancels, origin: { server: { host: '127.0.0.1', port }, key: { processId: 4711, secret: -2 } } }
}

const longMs = 20_000

test('repeats the request until the server says that it is ready, in however many pieces', async () => {
  const { socket, cancels, origin } = await session((count, peer) => {
    if (count === 2) peer.write(readyForQuery.subarray(0, 3))
    if (count === 3) peer.write(readyForQuery.subarray(3))
  })
  await cancelQuery(socket, origin, longMs)
  expect(cancels).toHaveLength(3)
  expect(cancels[0]!.toString('hex')).toBe('00000010' + '04d2162e' + '00001267' + 'fffffffe')
})

test('stops when the session is gone', async () => {
  const { socket, cancels, origin } = await session((_count, peer) => peer.destroy())
  const gone = once(socket, 'close')
  await cancelQuery(socket, origin, longMs)
  await gone
  expect(cancels.length).toBeLessThan(5)
})

test('a request that has no answer when the time is over is left open for a while, for PgBouncer', async () => {
  const seen: string[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {})
    // The first is the session; a request is read, and never answered.
    if (seen.push('connected') > 1) socket.resume().on('end', () => seen.push('ended by us'))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => {
    socket.destroy()
    server.close()
  })
  await once(socket, 'connect')
  const begunAt = performance.now()
  await cancelQuery(socket, { server: { host: '127.0.0.1', port }, key: { processId: 4711, secret: -2 } }, 50)
  expect(performance.now() - begunAt).toBeLessThan(200)
  await sleep(50)
  expect(seen).toEqual(['connected', 'connected'])
  await vi.waitFor(() => expect(seen).toEqual(['connected', 'connected', 'ended by us']), { timeout: 5_000 })
})

test('sends none so late that it may be open when the time is over', async () => {
  const { socket, cancels, origin } = await session(() => {})
  await cancelQuery(socket, origin, 50)
  expect(cancels.length).toBeGreaterThan(0)
  expect(cancels.length).toBeLessThan(3)
})

test('gives up after its time, and when nobody takes the request', async () => {
  const { socket, origin } = await session(() => {})
  const begunAt = performance.now()
  await cancelQuery(socket, origin, 30)
  await cancelQuery(socket, { ...origin, server: { path: '/nowhere/.s.PGSQL.5432' } }, 30)
  expect(performance.now() - begunAt).toBeLessThan(longMs)
})
