// Webhooks: promised by a 202, sent by an SDK of callbacks and retries. The partner hangs up on every third.
import { EventEmitter } from 'node:events'
import { request as ask } from 'node:http'
import { fastifyApp } from '@lameduck/adapter-fastify'
import { bindProcess, createLifecycle, trackedWork } from '@lameduck/core'
import { fastify } from 'fastify'

class WebhookSdk extends EventEmitter {
  send(event, callback, tries = 2) {
    const again = (error) => (tries > 1 ? this.send(event, callback, tries - 1) : callback(error))
    const asking = ask(process.env.PARTNER, { method: 'POST', agent: false }, (answer) => {
      answer.resume()
      answer.on('end', () => (answer.statusCode < 300 ? callback(null) : again(new Error(`status ${answer.statusCode}`))))
    })
    asking.once('error', again)
    asking.end(event)
  }
}

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const sdk = new WebhookSdk()
const hooks = trackedWork('webhooks')
const app = fastify()
app.post('/:event', (request, reply) => {
  const { event } = request.params
  const sending = hooks.run(() => new Promise((resolve, reject) => sdk.send(event, (error) => (error ? reject(error) : resolve()))), event)
  sending.catch((error) => console.log(`gave up ${event}`, error.message))
  reply.code(202).send()
})

lifecycle.add(hooks)
lifecycle.add(fastifyApp(app, { port: 0, host: '127.0.0.1' }))
await bindProcess(lifecycle).ready()
console.log(`ready ${app.server.address().port}`)
