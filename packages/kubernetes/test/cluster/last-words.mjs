import { createServer } from 'node:http'
import { bindProcess, createLifecycle } from '@lameduck/core'

// A service whose drain goes well, hangs until SIGKILL, or blocks the event loop, as its argument says.
const [kind, graceMs] = process.argv.slice(2)
const drains = {
  clean: () => {},
  hangs: () => new Promise(() => {}),
  blocks: function flushCache() {
    for (;;);
  },
}
const lifecycle = createLifecycle({ policy: { graceMs: Number(graceMs) } })
lifecycle.add({ name: 'http', phase: 'intake', drain: () => {} })
lifecycle.add({ name: 'cache', phase: 'work', drain: drains[kind] })
lifecycle.add({ name: 'pool', phase: 'connections', drain: () => {} })

let alive = true
createServer((request, response) => {
  if (request.url === '/fail') alive = false
  response.writeHead(alive ? 200 : 500).end()
}).listen(8080)
await bindProcess(lifecycle).ready()
