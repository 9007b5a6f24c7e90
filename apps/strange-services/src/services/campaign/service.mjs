// A campaign: a token bucket, a loop by hand over a cursor in Redis, and a mail server that is slow. It goes on where it stopped.
import { setTimeout as pause } from 'node:timers/promises'
import { redis } from '@lameduck/adapter-ioredis'
import { bindProcess, createLifecycle, trackedWork } from '@lameduck/core'
import { Redis } from 'ioredis'

const { ID, REDIS_URL, MAILS, GRACE_MS } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const client = new Redis(REDIS_URL)
const campaign = trackedWork('campaign')

class TokenBucket {
  tokens = 4
  constructor() {
    setInterval(() => (this.tokens = 4), 100).unref()
  }
  async take() {
    while (this.tokens === 0) await pause(10)
    this.tokens -= 1
  }
}

async function run() {
  const bucket = new TokenBucket()
  let cursor = Number((await client.get(`${ID}:cursor`)) ?? 0)
  do {
    const to = await client.lindex(`${ID}:addresses`, cursor)
    if (to === null) break
    await bucket.take()
    console.log('began', to)
    const answer = await fetch(MAILS, { method: 'POST', body: to })
    await answer.text()
    cursor += 1
    await client.set(`${ID}:cursor`, cursor)
  } while (!lifecycle.stopping.aborted)
}

const commands = lifecycle.add(redis(client))
lifecycle.add(campaign, { needs: [commands] })
await bindProcess(lifecycle).ready()
campaign.run(run).catch((error) => console.log('the campaign has ended:', error.message))
console.log('ready')
