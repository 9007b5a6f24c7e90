// A chat by long polling: whoever asks waits for a message. When the lame duck is over, all waiters are told that there is none.
import express from 'express'
import { expressApp } from '@lameduck/adapter-express'
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const waiters = new Set()
const app = express()
app.get('/messages', (request, response) => {
  const answer = (message) => {
    waiters.delete(answer)
    clearTimeout(timer)
    if (message === undefined) response.sendStatus(204)
    else response.json({ message })
  }
  const timer = setTimeout(answer, 30_000)
  waiters.add(answer)
  response.on('close', () => {
    waiters.delete(answer)
    clearTimeout(timer)
  })
  console.log('waits')
})
lifecycle.draining.addEventListener('abort', () => [...waiters].forEach((answer) => answer()))

const web = expressApp(app, { port: 0, host: '127.0.0.1' })
lifecycle.add(web)
await bindProcess(lifecycle).ready()
console.log(`ready ${web.server.address().port}`)
