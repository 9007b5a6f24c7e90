// Hashing in a worker thread that writes its results by a pool of its own; jobs go there as messages.
import { createServer } from 'node:http'
import { Worker } from 'node:worker_threads'
import { bindProcess, createLifecycle, trackedWork } from '@lameduck/core'
import { httpServer } from '@lameduck/http'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const worker = new Worker(new URL('worker.mjs', import.meta.url))
const hashes = trackedWork('hashes')
const open = new Map()

worker.on('message', ({ id, error }) => {
  const { resolve, reject } = open.get(id)
  open.delete(id)
  if (error) reject(new Error(error))
  else resolve()
})

function hash(id) {
  return new Promise((resolve, reject) => {
    open.set(id, { resolve, reject })
    worker.postMessage({ id })
  })
}

const server = createServer((request, response) => {
  const id = request.url.slice(1)
  hashes.run(() => hash(id), id).catch((error) => console.log(`gave up ${id}`, error.message))
  response.writeHead(202).end()
})

const thread = lifecycle.add({
  name: 'thread',
  phase: 'work',
  async drain() {
    worker.postMessage('close')
    await new Promise((resolve) => worker.once('exit', resolve))
  },
  force: () => worker.terminate(),
})
lifecycle.add(hashes, { needs: [thread] })
lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
