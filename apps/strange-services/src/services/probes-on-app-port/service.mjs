// Probes, a health path of the application's own, and nothing else, on the port of the app.
import { createServer } from 'node:http'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import { probeListener } from '@lameduck/probes'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS), lameDuck: { minMs: 700, quietMs: 700, maxMs: 8_000 } } })
const probes = probeListener(lifecycle)
const server = createServer((request, response) => {
  if (probes(request, response)) return
  response.end('work\n')
})

lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
