// The same service that never crashes, and has said so: its errors are its own until the stop.
import express from 'express'
import { expressApp } from '@lameduck/adapter-express'
import { bindProcess, createLifecycle } from '@lameduck/core'

process.on('uncaughtException', (error) => console.log('logged, and on we go:', error.message))

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const app = express()
app.get('/mistake', (request, response) => {
  response.send('ok')
  setImmediate(() => undefined.property)
})
app.get('/:id', (request, response) => {
  console.log('began')
  setTimeout(() => response.send('ok'), 300)
})

const web = expressApp(app, { port: 0, host: '127.0.0.1' })
lifecycle.add(web)
await bindProcess(lifecycle, { onUncaught: 'leave' }).ready()
console.log(`ready ${web.server.address().port}`)
