import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { tcpLink, type TcpLink } from '../src/index.ts'

const quietMs = 60

let server: Server
let served: Socket[]
let link: TcpLink

beforeEach(async () => {
  served = []
  server = echoServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  link = await tcpLink({ port: (server.address() as AddressInfo).port })
})
afterEach(async () => {
  await link.close()
  server.close()
  for (const socket of served) socket.destroy()
})

/** Says what it is told, and ends when it is ended. */
function echoServer(): Server {
  return createServer((socket) => {
    served.push(socket)
    socket.on('error', () => {})
    socket.pipe(socket)
  })
}

interface Client {
  readonly socket: Socket
  readonly received: () => string
  readonly happened: string[]
}

async function connected(port = link.port): Promise<Client> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  onTestFinished(() => void socket.destroy())
  const happened: string[] = []
  let text = ''
  socket.on('data', (chunk) => (text += String(chunk)))
  socket.on('error', (error: NodeJS.ErrnoException) => happened.push(String(error.code)))
  socket.on('end', () => happened.push('end'))
  await once(socket, 'connect')
  return { socket, happened, received: () => text }
}

/** One word there and back: the server has accepted the connection, too. */
async function greet({ socket, received }: Client): Promise<void> {
  const before = received().length
  socket.write('hello')
  while (received().length < before + 5) await once(socket, 'data')
}

/** `once` would reject with the error before it. */
const closed = (socket: Socket): Promise<unknown> => new Promise((resolve) => socket.once('close', resolve))
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

describe('a link', () => {
  test('passes on everything, both ways, up to the end', async () => {
    const client = await connected()
    const text = 'x'.repeat(5_000_000)
    client.socket.end(text)
    await once(client.socket, 'end')
    expect(client.received()).toBe(text)
    expect(client.happened).toEqual(['end'])
  })

  test('leads to a Unix socket as well', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tcp-link-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const path = join(folder, 'socket')
    const local = echoServer()
    await once(local.listen(path), 'listening')
    const toPath = await tcpLink({ path })
    onTestFinished(async () => {
      await toPath.close()
      local.close()
    })
    await greet(await connected(toPath.port))
  })

  test('counts what the client has open, whatever the server does with it', async () => {
    expect(link.connections()).toBe(0)
    await link.unused()
    const [first, second] = [await connected(), await connected()]
    await Promise.all([greet(first), greet(second)])
    const unused = link.unused()
    expect(link.connections()).toBe(2)
    first.socket.destroy()
    second.socket.end()
    await unused
    expect(link.connections()).toBe(0)
  })

  test('passes a reset on, both ways', async () => {
    const [first, second] = [await connected(), await connected()]
    await greet(first)
    await greet(second)
    const [atFirst, atSecond] = served as [Socket, Socket]
    first.socket.resetAndDestroy()
    const [error] = (await once(atFirst, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNRESET')
    atSecond.resetAndDestroy()
    await closed(second.socket)
    expect(second.happened).toEqual(['ECONNRESET'])
  })

  test('resets the client when there is no server', async () => {
    const nowhere = await tcpLink({ port: await freePort() })
    onTestFinished(() => nowhere.close())
    const client = await connected(nowhere.port)
    await closed(client.socket)
    expect(client.happened).toEqual(['ECONNRESET'])
  })

  test('keeps nothing active in the process', async () => {
    const client = await connected()
    await greet(client)
    client.socket.unref()
    server.unref()
    for (const socket of served) socket.unref()
    expect(process.getActiveResourcesInfo().filter((type) => /TCP/.test(type))).toEqual([])
  })

  test.each([[undefined], [new Map()]])('%o is not a target', async (target) => {
    await expect(tcpLink(target as never)).rejects.toThrow('tcpLink() takes an object of options')
  })

  test('to a target with an option that there is not is refused', async () => {
    await expect(tcpLink({ ports: 5432 } as never)).rejects.toThrow('tcpLink(): the option ports is not known; did you mean port?')
  })

  test.each([[{ host: '127.0.0.1' }], [{ port: '5432' }], [{ port: 65_536 }], [{ port: 0 }], [{ port: 5432, host: 5 }], [{ path: 5432 }], [{ path: '' }], [{ path: '/x', port: 5432 }]])('to %j is refused', async (target) => {
    await expect(tcpLink(target as never)).rejects.toThrow('tcpLink() takes { host, port } or { path } of the server; it was given')
  })
})

describe('a frozen link', () => {
  test('accepts, holds everything back, and loses none of it', async () => {
    const before = await connected()
    await greet(before)
    link.freeze()
    const after = await connected()
    before.socket.write(' one')
    after.socket.end('three')
    await pause(quietMs)
    expect([before.received(), after.received()]).toEqual(['hello', ''])
    expect([before.happened, after.happened]).toEqual([[], []])
    link.thaw()
    await once(after.socket, 'end')
    expect(after.received()).toBe('three')
    while (before.received().length < 9) await once(before.socket, 'data')
    expect(before.received()).toBe('hello one')
  })

  test('holds back what the server says by itself', async () => {
    const client = await connected()
    await greet(client)
    link.freeze()
    served[0]?.write(' unasked')
    await pause(quietMs)
    expect(client.received()).toBe('hello')
    link.thaw()
    await once(client.socket, 'data')
    expect(client.received()).toBe('hello unasked')
  })

  test('does not tell the client that its connection ended or broke, and does not answer its goodbye', async () => {
    const [ended, broken, goodbye] = [await connected(), await connected(), await connected()]
    for (const client of [ended, broken, goodbye]) await greet(client)
    link.freeze()
    served[0]?.end()
    served[1]?.resetAndDestroy()
    goodbye.socket.end()
    await pause(quietMs)
    expect([ended.happened, broken.happened, goodbye.happened]).toEqual([[], [], []])
    link.thaw()
    await Promise.all([once(ended.socket, 'end'), closed(broken.socket), once(goodbye.socket, 'end')])
    expect(broken.happened).toEqual(['ECONNRESET'])
  })

  test('notices nevertheless that the client has left', async () => {
    const [first, second] = [await connected(), await connected()]
    await Promise.all([greet(first), greet(second)])
    link.freeze()
    first.socket.write('last words')
    first.socket.destroy()
    second.socket.resetAndDestroy()
    await link.unused()
  })

  test('holds back a client that writes without end', async () => {
    const { socket } = await connected()
    link.freeze()
    socket.write(Buffer.alloc(64 * 1024 * 1024))
    expect(await Promise.race([once(socket, 'drain').then(() => 'all taken'), pause(300).then(() => 'held back')])).toBe('held back')
    expect(socket.bytesWritten - socket.writableLength).toBeLessThan(32 * 1024 * 1024)
  })

  test('is dead when it is killed', async () => {
    const client = await connected()
    await greet(client)
    link.freeze()
    client.socket.write('x')
    await link.kill()
    await closed(client.socket)
    expect(client.happened).toEqual(['ECONNRESET'])
  })
})

describe('a dead link', () => {
  test.each([
    ['reset', 'ECONNRESET'],
    ['end', 'end'],
  ] as const)('(%s) has told the client so, and refuses new connections', async (how, heard) => {
    const client = await connected()
    await greet(client)
    const isOver = how === 'end' ? once(client.socket, 'end') : closed(client.socket)
    await link.kill(how)
    await isOver
    expect(client.happened).toEqual([heard])
    expect(link.connections()).toBe(0)
    await expect(connected()).rejects.toThrow('ECONNREFUSED')
  })

  test('may be killed, frozen, thawed and closed again', async () => {
    await greet(await connected())
    await Promise.all([link.kill(), link.kill('end'), link.close()])
    link.freeze()
    link.thaw()
    await link.close()
  })

  // The naive one is Node's own reset, as proxies are usually written.
  test.each([
    ['ours', '0'],
    ['naive', 'still running'],
  ])('%s: a process that kills while an end is on its way exits by itself: %s', async (which, expected) => {
    const program = spawn(process.execPath, [fileURLToPath(new URL('programs/kill-while-ending.mjs', import.meta.url)), which], { stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(() => void program.kill('SIGKILL'))
    const exited = once(program, 'exit').then(([code]) => String(code))
    await once(program.stdout, 'data')
    const waitMs = which === 'naive' ? 1_000 : 10_000
    expect(await Promise.race([exited, pause(waitMs).then(() => 'still running')])).toBe(expected)
  })
})

async function freePort(): Promise<number> {
  const probe = createServer()
  await once(probe.listen(0, '127.0.0.1'), 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
