// A crash reporter in the manner of Sentry's: it hears of uncaught errors, sends them, and exits only where it is the only one to listen.
import { createServer } from 'node:http'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'

const reporter = {
  sending: new Set(),
  init() {
    process.on('uncaughtException', (error) => {
      this.capture(error)
      if (process.listenerCount('uncaughtException') === 1) void this.flush().then(() => process.exit(1))
    })
  },
  capture(error) {
    const sent = fetch(process.env.COLLECTOR, { method: 'POST', body: error.message }).then((answer) => answer.text())
    this.sending.add(sent)
    sent.catch(() => {}).finally(() => this.sending.delete(sent))
  },
  flush() {
    return Promise.allSettled(this.sending)
  },
}
reporter.init()

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const server = createServer((request, response) => {
  if (request.url === '/crash') setImmediate(() => JSON.parse('{crash'))
  else {
    console.log('began')
    setTimeout(() => response.end('ok\n'), 300)
  }
})

lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
lifecycle.add({ name: 'crash reporter', phase: 'telemetry', drain: () => reporter.flush(), force() {} })
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
