// Pub/sub with handlers that do more than one thing, and a Map of topics to them.
import { blockingRedis, redis } from '@lameduck/adapter-ioredis'
import { bindProcess, createLifecycle, trackedWork } from '@lameduck/core'
import { Redis } from 'ioredis'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const client = new Redis(process.env.REDIS_URL)
const subscriber = client.duplicate()
const effects = trackedWork('effects')

const handlers = new Map()
handlers.set(
  process.env.ID,
  effects.wrap(async function recount(text) {
    const seen = await client.incr(`${process.env.ID}:seen`)
    await new Promise((resolve) => setTimeout(resolve, 100 + seen * 10))
    await client.rpush(`${process.env.ID}:done`, text)
  }),
)

const commands = lifecycle.add(redis(client))
const work = lifecycle.add(effects, { needs: [commands] })
lifecycle.add(blockingRedis(subscriber), { needs: [work] })
subscriber.on('message', (channel, text) => {
  console.log('heard', text)
  return handlers.get(channel)?.(text)
})
await subscriber.subscribe(...handlers.keys())
await bindProcess(lifecycle).ready()
console.log('ready')
