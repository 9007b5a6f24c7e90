import { createServer } from 'node:http'
import { createLifecycle } from '@lameduck/core'
import { podTermination } from '@lameduck/kubernetes'

// Drains for ever and never exits, so that its last line tells when SIGKILL came. Times are ms since SIGTERM.
let signalledAt = 0
const since = () => Math.round(performance.now() - signalledAt)
const say = (line) => console.log(JSON.stringify(line))

const lifecycle = createLifecycle({ policy: { graceMs: 30_000 } })
lifecycle.add({ name: 'stuck', phase: 'work', drain: () => new Promise(() => {}), force: () => {} })

const observed = Object.assign(Object.create(lifecycle), {
  attribute(cause) {
    say({ answeredMs: since() })
    lifecycle.attribute(cause)
  },
})
lifecycle.subscribe((event) => event.type === 'warning' && say({ warning: event.message }))
podTermination(observed)

process.on('SIGTERM', () => {
  signalledAt = performance.now()
  setInterval(() => say({ aliveMs: since() }), 20)
  void lifecycle.stop({ kind: 'signal', signal: 'SIGTERM', interactive: false }).then((report) => say({ reportedMs: since(), report }))
})

let alive = true
createServer((request, response) => {
  if (request.url === '/fail') alive = false
  response.writeHead(alive ? 200 : 500).end()
}).listen(8080)
await lifecycle.start()
say({ ready: true })
