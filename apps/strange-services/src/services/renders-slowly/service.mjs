// Pages that take 300 ms of pure computation each: while one is made, nothing is read and no timer fires.
import { createServer } from 'node:http'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })

function render(page) {
  const until = performance.now() + 300
  let html = ''
  while (performance.now() < until) html = `<h1>${page}</h1>`
  return html
}

const server = createServer((request, response) => {
  console.log('began', request.url)
  response.end(render(request.url))
})
lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
