// A service whose start takes until a line comes in: slow-start.mjs <plain | before | behind>. The slow resource starts before the
// server, or behind it, when the server listens already. `plain` is the usual `server.close()`.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'

const server = createServer((_request, response) => process.stdin.once('data', () => response.end('ok')))
const listen = { port: 0, host: '127.0.0.1' }
server.on('listening', () => console.log(`listening on ${server.address().port}`))
server.on('request', () => console.log('asked'))

if (process.argv[2] === 'plain') {
  process.on('SIGTERM', () => server.close(() => console.log('closed')))
  console.log('starting')
  await once(process.stdin, 'data')
  server.listen(listen)
} else {
  const before = process.argv[2] === 'before'
  const lifecycle = createLifecycle()
  const start = async ({ signal }) => {
    console.log('starting')
    await once(process.stdin, 'data', { signal })
  }
  const migration = { name: 'migration', phase: before ? 'connections' : 'intake', start, drain: () => console.log('never') }
  const http = httpServer(server, { listen })
  const [first, second] = before ? [migration, http] : [http, migration]
  lifecycle.add(second, { needs: [lifecycle.add(first)] })
  await bindProcess(lifecycle).ready()
}
