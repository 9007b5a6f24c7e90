// A reliable queue: BLMOVE into a list of one's own, the work, LREM. The loop is an async generator.
import { setTimeout as pause } from 'node:timers/promises'
import { blockingRedis, redis } from '@lameduck/adapter-ioredis'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { Redis } from 'ioredis'

const { ID, REDIS_URL, GRACE_MS } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const client = new Redis(REDIS_URL)
const queue = new Redis(REDIS_URL)

async function* jobs() {
  while (!lifecycle.stopping.aborted) {
    const job = await queue.blmove(`${ID}:waiting`, `${ID}:doing`, 'LEFT', 'RIGHT', 0)
    if (job) yield job
  }
}

async function run() {
  for await (const job of jobs()) {
    console.log('began', job)
    await pause(40)
    await client.multi().rpush(`${ID}:done`, job).lrem(`${ID}:doing`, 1, job).exec()
  }
}

const commands = lifecycle.add(redis(client))
lifecycle.add(blockingRedis(queue, { loop: run() }), { needs: [commands] })
await bindProcess(lifecycle).ready()
console.log('ready')
