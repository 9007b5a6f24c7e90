// A service with one slow answer, a database, and somebody who listens to the signal as well. Says on stdout what happens, in its order.
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import { createServer } from 'node:http'
import { neighbours } from './neighbours.mjs'

const [, , name, otherListeners = 'warn', drains = 'lameduck'] = process.argv
const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const server = createServer((_request, response) => {
  console.log('asked')
  // In flight when the signal comes, however long that takes.
  lifecycle.stopping.addEventListener('abort', () => {
    setTimeout(() => {
      console.log('answered')
      response.end('done')
    }, 400)
  })
})
// What the neighbour is to do at the end of the process.
const clean = async () => {
  await after(50)
  console.log('neighbour closed')
}
await neighbours[name]({ server, clean })
const lifecycle = createLifecycle()
const listen = { port: 0, host: '127.0.0.1' }
if (drains === 'lameduck') lifecycle.add(httpServer(server, { listen }))
else server.listen(listen)
lifecycle.add({ name: 'db', phase: 'connections', drain: async () => (await after(200), console.log('db drained')) })
await bindProcess(lifecycle, { otherListeners }).ready()
console.log(`ready ${server.address().port}`)
