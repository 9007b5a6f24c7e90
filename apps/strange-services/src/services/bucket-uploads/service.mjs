// Files that go to a bucket in parts, four requests a file, after the client has got its 202. A hand-made pool of three uploads.
import { createServer } from 'node:http'
import { bindProcess, createLifecycle, trackedWork } from '@lameduck/core'
import { httpServer } from '@lameduck/http'

const { BUCKET, GRACE_MS } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const uploads = trackedWork('uploads')

const waiting = []
let running = 0
async function inTurn(task) {
  if (running >= 3) await new Promise((resolve) => waiting.push(resolve))
  running += 1
  try {
    return await task()
  } finally {
    running -= 1
    waiting.shift()?.()
  }
}

async function put(path) {
  const answer = await fetch(`${BUCKET}/${path}`, { method: 'PUT' })
  await answer.body?.cancel()
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`)
}

async function upload(file) {
  await Promise.all([1, 2, 3].map((part) => put(`${file}.part${part}`)))
  await put(`${file}.complete`)
}

const server = createServer((request, response) => {
  const file = request.url.slice(1)
  uploads.run(() => inTurn(() => upload(file)), `upload of ${file}`).catch((error) => console.log(`gave up ${file}`, error.message))
  response.writeHead(202).end()
})

lifecycle.add(uploads)
lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
