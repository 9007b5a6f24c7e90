// Tracing as the SDKs do it: spans are collected, sent by a timer, and flushed by whoever remembers to.
import express from 'express'
import { expressApp } from '@lameduck/adapter-express'
import { bindProcess, createLifecycle } from '@lameduck/core'

class Tracer {
  spans = []
  timer = setInterval(() => this.flush(), 5_000)
  async flush() {
    for (const span of this.spans.splice(0)) await fetch(process.env.COLLECTOR, { method: 'POST', body: span }).then((answer) => answer.text())
  }
  async shutdown() {
    clearInterval(this.timer)
    await this.flush()
  }
}

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const tracer = new Tracer()
const app = express()
app.use((request, response, next) => {
  response.on('finish', () => tracer.spans.push(request.path.slice(1)))
  next()
})
app.get('/:id', (request, response) => {
  console.log('began')
  setTimeout(() => response.send('ok'), 200)
})

const web = expressApp(app, { port: 0, host: '127.0.0.1' })
lifecycle.add(web)
lifecycle.add({ name: 'tracer', phase: 'telemetry', inFlight: () => tracer.spans.length, drain: () => tracer.shutdown(), force() {} })
await bindProcess(lifecycle).ready()
console.log(`ready ${web.server.address().port}`)
