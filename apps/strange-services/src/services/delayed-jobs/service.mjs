// Delayed jobs in a sorted set. A poller takes what is due and claims it by ZREM; each job then runs on its own.
import { redis } from '@lameduck/adapter-ioredis'
import { bindProcess, createLifecycle, schedule, trackedWork } from '@lameduck/core'
import { Redis } from 'ioredis'

const { ID, REDIS_URL, GRACE_MS } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const client = new Redis(REDIS_URL)
const jobs = trackedWork('jobs')

async function poll() {
  const due = await client.zrangebyscore(`${ID}:due`, 0, Date.now(), 'LIMIT', 0, 4)
  for (const job of due) {
    if ((await client.zrem(`${ID}:due`, job)) === 0) continue
    console.log('began', job)
    jobs
      .run(async () => {
        await new Promise((resolve) => setTimeout(resolve, 120))
        await client.rpush(`${ID}:done`, job)
      }, job)
      .catch((error) => console.log(`gave up ${job}`, error.message))
  }
}

const commands = lifecycle.add(redis(client))
const work = lifecycle.add(jobs, { needs: [commands] })
lifecycle.add(schedule('poller', poll, 30), { needs: [work] })
await bindProcess(lifecycle).ready()
console.log('ready')
