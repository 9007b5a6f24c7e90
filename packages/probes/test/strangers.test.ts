import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createLifecycle, type Lifecycle } from '@lameduck/core'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { probeServer, readyz, readyzCheck } from '../src/index.ts'

const lifecycles: Lifecycle[] = []
afterEach(async () => {
  await Promise.all(lifecycles.splice(0).map((lifecycle) => lifecycle.stop()))
})

async function start(): Promise<{ readonly port: number }> {
  const lifecycle = createLifecycle({ env: {} })
  lifecycles.push(lifecycle)
  const probes = probeServer(lifecycle, { port: 0, host: '127.0.0.1' })
  lifecycle.add(probes)
  await lifecycle.start()
  return { port: probes.address()?.port ?? 0 }
}

/** So many connections that send `text` and nothing else. */
function strangers(port: number, count: number, text: string): Promise<Socket[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {})
      onTestFinished(() => void socket.destroy())
      await once(socket, 'connect')
      socket.write(text)
      return socket
    }),
  )
}

async function statusOf(port: number, path: string): Promise<number> {
  return (await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(5_000), headers: { connection: 'close' } })).status
}

/** Lets a service run with few descriptors. */
async function small(): Promise<{ readonly child: ChildProcess; readonly port: number; readonly line: (text: string) => Promise<unknown> }> {
  const program = fileURLToPath(new URL('fixtures/small.mjs', import.meta.url))
  const child = spawn('bash', ['-c', `ulimit -n 96; exec "$0" "$1"`, process.execPath, program], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const [first] = (await once(lines, 'line')) as [string]
  const line = (text: string): Promise<unknown> => new Promise((resolve) => lines.on('line', (each) => each === text && resolve(each)))
  return { child, port: Number(first.split(' ')[1]), line }
}

// Catches: 200 silent connections that take every descriptor, so that the kubelet is refused and kills the container.
test.each([
  ['silent', ''],
  ['in the middle of a head', 'GET /readyz HTTP/1.1\r\nHost: a\r\nX-'],
  ['in the middle of a body', 'POST /readyz HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc'],
  ['of another protocol', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
])('200 connections that are %s lock no probe out, before a stop and in it, where 96 descriptors are all there is', async (_what, text) => {
  const { child, port, line } = await small()
  await strangers(port, 200, text)
  expect(await statusOf(port, '/readyz')).toBe(200)
  const stopping = line('stopping')
  child.kill('SIGTERM')
  await stopping
  await strangers(port, 200, text)
  expect([await statusOf(port, '/livez'), await statusOf(port, '/readyz')]).toEqual([200, 503])
  child.kill('SIGUSR2')
  expect(await once(child, 'exit')).toEqual([0, null])
})

// Catches: the newest connection, the kubelet's, that has to go because it is the only one without a request yet.
test('nor do requests that wait for a slow check', async () => {
  const lifecycle = createLifecycle({ env: {} })
  lifecycles.push(lifecycle)
  let asked = false
  lifecycle.add({ name: 'db', phase: 'connections', check: () => (asked ? new Promise(() => {}) : undefined), drain() {} })
  const probes = probeServer(lifecycle, { port: 0, host: '127.0.0.1', checkTimeoutMs: 60_000 })
  lifecycle.add(probes)
  await lifecycle.start()
  asked = true
  const { port = 0 } = probes.address() ?? {}
  await strangers(port, 40, 'GET /readyz?verbose HTTP/1.1\r\nHost: a\r\n\r\n')
  expect(await statusOf(port, '/livez')).toBe(200)
  const [kubelet] = (await strangers(port, 1, '')) as [Socket]
  await strangers(port, 1, '')
  kubelet.write('GET /livez HTTP/1.1\r\nHost: a\r\n\r\n')
  const [answer] = (await once(kubelet, 'data')) as [Buffer]
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 /)
})

test('a connection that sends nothing, or a byte now and then, is closed in seconds', async () => {
  const { port } = await start()
  const [silent, slow] = (await Promise.all([strangers(port, 1, ''), strangers(port, 1, 'G')])).flat() as [Socket, Socket]
  const drip = setInterval(() => slow.write('E'), 200)
  onTestFinished(() => clearInterval(drip))
  silent.resume()
  slow.resume()
  await Promise.all([once(silent, 'close'), once(slow, 'close')])
}, 10_000)

test('heads above 8 kB are refused, and the next probe is answered', async () => {
  const { port } = await start()
  const [socket] = (await strangers(port, 1, `GET /readyz?exclude=${'x'.repeat(9_000)} HTTP/1.1\r\nHost: a\r\n\r\n`)) as [Socket]
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 431 /)
  expect(await statusOf(port, '/livez')).toBe(200)
})

test('what strangers write into a request, and checks into their errors, is one short line', async () => {
  const bell = '\u0007\u001b[31m\u009b'
  const checks = [{ name: 'pg', ok: false, tookMs: 1, error: `down${bell}\n${' '.repeat(1_000_000)}` }]
  const { body } = readyz({ state: { name: 'ready', sinceMs: 0 }, isReady: true, heldBecause: [] }, { checks, verbose: true, showReasons: true, exclude: Array.from({ length: 100 }, (_, index) => `${bell}${index}`) })
  const lines = body.split('\n')
  expect(lines).toHaveLength(4)
  expect(lines[0]).toMatch(/^\[-\]pg failed: down\\x07\\x1b\[31m\\x9b .*characters\)$/)
  expect(lines[1]).toBe(String.raw`warning: nothing to exclude is named "\\x07\\x1b[31m\\x9b0", "\\x07\\x1b[31m\\x9b1", "\\x07\\x1b[31m\\x9b2", "\\x07\\x1b[31m\\x9b3", "\\x07\\x1b[31m\\x9b4", …`)
  expect(readyzCheck(`${bell}${'x'.repeat(10_000)}`, checks).body.length).toBeLessThan(300)
  const many = Array.from({ length: 20_000 }, (_, index) => ({ name: `c${index}`, ok: true, tookMs: 1 }))
  expect(readyz({ state: { name: 'ready', sinceMs: 0 }, isReady: true, heldBecause: [] }, { checks: many, verbose: true }).body.split('\n').slice(199, 202)).toEqual(['[+]c199 ok', 'and 19800 more checks', 'ready'])
})

test('a thousand pipelined requests on one connection are answered, in their order', async () => {
  const { port } = await start()
  const [socket] = (await strangers(port, 1, 'GET /livez HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(999) + 'GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')) as [Socket]
  let text = ''
  socket.setEncoding('utf8').on('data', (data: string) => (text += data))
  await once(socket, 'close')
  expect(text.match(/^HTTP\/1\.1 200/gm)).toHaveLength(1_000)
})
