// Only one of the replicas sends the newsletter: a lock in Redis with a fence, held as long as the loop runs, released by a script.
import { redis } from '@lameduck/adapter-ioredis'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { Redis } from 'ioredis'

const { ID, REDIS_URL, GRACE_MS, SINK } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const client = new Redis(REDIS_URL)
const commands = lifecycle.add(redis(client))
const release = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end`

class Newsletter {
  #loop
  #token = `${process.pid}`

  start() {
    this.#loop = this.#run()
    // Heard of in the drain.
    this.#loop.catch(() => {})
  }

  async #run() {
    await client.set(`${ID}:lock`, this.#token, 'PX', 60_000, 'NX')
    try {
      while (!lifecycle.stopping.aborted) {
        const reader = await client.lindex(`${ID}:readers`, 0)
        if (reader === null) return
        console.log('began', reader)
        const answer = await fetch(SINK, { method: 'POST', body: reader })
        if (answer.ok) await client.lpop(`${ID}:readers`)
      }
    } finally {
      await client.eval(release, 1, `${ID}:lock`, this.#token)
    }
  }

  drain() {
    return this.#loop
  }
}

const newsletter = new Newsletter()
lifecycle.add({ name: 'newsletter', phase: 'work', start: () => newsletter.start(), drain: () => newsletter.drain(), force() {} }, { needs: [commands] })
await bindProcess(lifecycle).ready()
console.log('ready')
