// Event streams whose clients come and go all day: what the service keeps of those that have left is there until it restarts.
import { createServer } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { endOnDrain, httpServer } from '@lameduck/http'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc')

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const server = createServer((request, response) => {
  if (request.url === '/heap') {
    collectGarbage()
    response.end(String(process.memoryUsage().heapUsed))
    return
  }
  response.writeHead(200, { 'Content-Type': 'text/event-stream' })
  response.write('data: hello\n\n')
  endOnDrain(response, 'event: bye\ndata:\n\n')
})

lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
