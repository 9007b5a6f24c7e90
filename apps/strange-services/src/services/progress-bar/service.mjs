// An import that tells how far it is: its clients close the page at "10 %", and it goes on.
import { appendFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
lifecycle.draining.addEventListener('abort', () => console.log('draining'))

const server = createServer(async (request, response) => {
  request.resume()
  response.on('close', () => console.log('left', request.url))
  response.write('10 %\n')
  await pause(1_000)
  await appendFile(join(process.env.FOLDER, 'imported'), `${request.url.slice(1)}\n`)
  response.end('100 %\n')
})

lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
