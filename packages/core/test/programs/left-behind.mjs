// Work that no resource knows: when the stop is over, it is still under way.
import { spawn } from 'node:child_process'
import { createServer, get, request } from 'node:http'
import { bindProcess, createLifecycle, trackedWork } from '@lameduck/core'

const [, , how] = process.argv
const upstream = createServer((asked, answer) => {
  if (asked.url === '/stream') answer.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
  if (asked.url === '/slow') setTimeout(() => answer.end(), 100)
  if (asked.url === '/') answer.end()
  // The others get no answer.
})
upstream.on('upgrade', (_request, socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'))
await new Promise((resolve) => upstream.listen(0, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${upstream.address().port}`
const sleeper = (options) => spawn(process.execPath, ['-e', 'setTimeout(() => {}, 5_000)'], { stdio: 'ignore', ...options })

const lifecycle = createLifecycle({ policy: { graceMs: 3_000, phases: { work: { reserveMs: 500 } } } })
const work = trackedWork('work')
lifecycle.add(work)

const scenes = {
  fetch: () => void fetch(`${url}/orders?token=secret`, { method: 'POST', body: '1' }).catch(() => {}),
  'node:http': () => void request(`${url}/orders?token=secret`, { method: 'POST' }).on('error', () => {}).end('1'),
  many: () => [1, 2, 3, 4, 5].forEach((n) => void fetch(`${url}/${n}`).catch(() => {})),
  child: () => sleeper().on('exit', () => {}),
  'unref child': () => sleeper({ detached: true }).unref(),
  'unref request': () => get(`${url}/watch`).on('socket', (socket) => socket.unref()),
  answered: async () => (await fetch(url)).text(),
  streams: async () => void (await fetch(`${url}/stream`)),
  upgraded: () => new Promise((resolve) => request(url, { headers: { connection: 'upgrade', upgrade: 'x' } }).on('upgrade', resolve).end()),
  tracked: () => void work.run(() => fetch(`${url}/slow`)),
  'in a cut': () => void work.run(({ signal }) => fetch(`${url}/orders`, { signal })).catch(() => {}),
}
await bindProcess(lifecycle).ready()
await scenes[how]()
setInterval(() => {}, 1e6)
console.log('ready')
