// An API on cleartext HTTP/2: many streams on one session, some of them longer than others.
import { createServer } from 'node:http2'
import { setTimeout as pause } from 'node:timers/promises'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const server = createServer()
server.on('stream', async (stream, headers) => {
  console.log('began')
  stream.respond({ ':status': 200 })
  for (let piece = 0; piece < 5; piece += 1) {
    await pause(30 + (Number(headers[':path'].slice(2)) % 4) * 20)
    if (stream.destroyed) return
    stream.write(`piece ${piece}\n`)
  }
  stream.end('whole\n')
})
lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
