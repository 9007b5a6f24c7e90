// Work that no resource knows: when the stop is over, it is still under way.
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, createServer, get, request } from 'node:http'
import { networkInterfaces } from 'node:os'
import { bindProcess, createLifecycle, trackedWork } from '@lameduck/core'

const [, , how, url] = process.argv
const sleeper = (options) => spawn(process.execPath, ['-e', 'setTimeout(() => {}, 5_000)'], { stdio: 'ignore', ...options })

/** It waits for work. */
async function helper() {
  const child = fork(new URL('helper.mjs', import.meta.url))
  await once(child, 'message')
  return child
}

const lifecycle = createLifecycle({ policy: { graceMs: 3_000, phases: { work: { reserveMs: 500 } } } })
const work = trackedWork('work')
lifecycle.add(work)

const scenes = {
  fetch: () => void fetch(`${url}/orders?token=secret`, { method: 'POST', body: '1' }).catch(() => {}),
  'node:http': () => void request(`${url}/orders?token=secret`, { method: 'POST' }).on('error', () => {}).end('1'),
  upload: () => void request(`${url}/orders`, { method: 'POST' }).on('error', () => {}).write('1'),
  agent() {
    const agent = new Agent({ maxSockets: 1 })
    for (const n of [1, 2, 3]) request(`${url}/${n}`, { method: 'POST', agent }).on('error', () => {}).end()
  },
  'half fetch': async () => void (await fetch(`${url}/half`, { method: 'POST' })),
  'half post': () => new Promise((resolve) => request(`${url}/half`, { method: 'POST' }).on('response', (answer) => resolve(answer.resume())).on('error', () => {}).end()),
  posted: () => new Promise((resolve) => request(url, { method: 'POST' }).on('response', resolve).on('error', () => {}).end()),
  async 'own events'() {
    const server = createServer((_asked, answer) => answer.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders())
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    await new Promise((resolve) => get(`http://127.0.0.1:${server.address().port}`).on('response', resolve))
  },
  many: () => [1, 2, 3, 4, 5].forEach((n) => void fetch(`${url}/${n}`).catch(() => {})),
  async 'unknown server'() {
    const server = createServer((asked, answer) => asked.url === '/' && answer.end())
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    const own = `http://127.0.0.1:${server.address().port}`
    await (await fetch(own)).text()
    const asking = get(`${own}/orders?token=secret`).on('socket', (socket) => socket.unref())
    await once(server, 'request')
    asking.on('error', () => {})
  },
  child: () => sleeper().on('exit', () => {}),
  helper: () => helper(),
  'unref helper': async () => (await helper()).unref(),
  'unref child': () => sleeper({ detached: true }).unref(),
  'unref request': () => get(`${url}/watch`).on('socket', (socket) => socket.unref()),
  answered: async () => (await fetch(url)).text(),
  streams: async () => void (await fetch(`${url}/stream`)),
  upgraded: () => new Promise((resolve) => request(url, { headers: { connection: 'upgrade', upgrade: 'x' } }).on('upgrade', resolve).end()),
  tracked: () => void work.run(() => fetch(`${url}/slow`)),
  'in a cut': () => void work.run(({ signal }) => fetch(`${url}/orders`, { signal })).catch(() => {}),
}
/** A server of this service, which stops at the signal, and a job that calls it after that. */
async function calls(call, { alsoBefore = false } = {}) {
  const server = createServer((_asked, answer) => answer.end())
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  const close = () => new Promise((resolve) => server.close(resolve))
  if (alsoBefore) await close()
  const once = () => new Promise((resolve) => call(port, resolve)).catch(() => {})
  if (alsoBefore) await once()
  lifecycle.stopping.addEventListener('abort', () => {
    void work.run(async () => {
      if (!alsoBefore) await close()
      await once()
    })
  })
}
const byFetch = (host) => (port, over) => void fetch(`http://${host}:${port}/orders?token=secret`, { method: 'POST' }).then(over, over)
const byRequest = (port, over) => void request(`http://127.0.0.1:${port}/orders?token=secret`, { method: 'POST' }).on('error', over).end('1')
Object.assign(scenes, {
  'refused fetch': () => calls(byFetch('127.0.0.1')),
  'refused localhost': () => calls(byFetch('localhost')),
  'refused request': () => calls(byRequest),
  'refused machine': async () => {
    const own = Object.values(networkInterfaces()).flat().find(({ family, internal }) => family === 'IPv4' && !internal)
    await calls(byFetch(own?.address ?? '127.0.0.1'))
  },
  'refused before': () => calls(byFetch('127.0.0.1'), { alsoBefore: true }),
})

await bindProcess(lifecycle).ready()
await scenes[how]()
setInterval(() => {}, 1e6)
console.log('ready')
