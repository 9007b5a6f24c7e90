// A scrape is wanted as long as requests run: how many are left is what the dashboard of a rollout shows.
import { createServer } from 'node:http'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
let running = 0
const web = createServer(async (request, response) => {
  running += 1
  console.log('began')
  await fetch(process.env.BACKEND)
  running -= 1
  response.end('done\n')
})
const metrics = createServer((request, response) => response.end(`running ${running}\n`))

lifecycle.add(httpServer(web, { listen: { port: 0, host: '127.0.0.1' } }))
lifecycle.add(httpServer(metrics, { name: 'metrics', phase: 'telemetry', listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
console.log(`ready ${web.address().port}`)
console.log(`metrics ${metrics.address().port}`)
