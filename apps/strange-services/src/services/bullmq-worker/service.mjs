// BullMQ as its manual says, with the worker closed at the signal.
import { setTimeout as pause } from 'node:timers/promises'
import { redis } from '@lameduck/adapter-ioredis'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { Worker } from 'bullmq'
import { Redis } from 'ioredis'

const { ID, REDIS_URL, GRACE_MS } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const client = new Redis(REDIS_URL)
const { hostname: host, port } = new URL(REDIS_URL)

const worker = new Worker(
  ID,
  async (job) => {
    console.log('began', job.data.id)
    await pause(150)
    await client.rpush(`${ID}:sent`, job.data.id)
  },
  { connection: { host, port: Number(port), maxRetriesPerRequest: null }, concurrency: 3 },
)
worker.on('error', () => {})

let closing
const commands = lifecycle.add(redis(client))
lifecycle.add(
  {
    name: 'bullmq',
    phase: 'intake',
    drainFrom: 'signal',
    quiesce() {
      closing = worker.close()
      closing.catch(() => {})
    },
    drain: () => closing ?? worker.close(),
    force: () => void worker.close(true).catch(() => {}),
  },
  { needs: [commands] },
)
await worker.waitUntilReady()
await bindProcess(lifecycle).ready()
console.log('ready')
