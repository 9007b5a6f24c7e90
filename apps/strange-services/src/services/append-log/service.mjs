// An append log on disk: 204 when the line is in the stream's buffer, the buffer in the file when the process is gone.
import { createWriteStream } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const log = createWriteStream(join(process.env.FOLDER, 'log'), { flags: 'a', highWaterMark: 1_048_576 })
log.cork()
const filling = '.'.repeat(2_000)

const server = createServer((request, response) => {
  log.write(`${request.url.slice(1)} ${filling}\n`)
  response.writeHead(204).end()
})

lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
lifecycle.add({
  name: 'log',
  phase: 'work',
  inFlight: () => (log.writableLength > 0 ? 1 : 0),
  drain: () =>
    new Promise((resolve, reject) => {
      log.on('error', reject)
      log.uncork()
      log.end(resolve)
    }),
  force: () => void log.destroy(),
})
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
