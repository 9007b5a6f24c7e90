// Pub/sub in callbacks: get, think, set. Nobody counts it, and the logger takes half a second to close.
const { blockingRedis, redis } = require('@lameduck/adapter-ioredis')
const { bindProcess, createLifecycle } = require('@lameduck/core')
const Redis = require('ioredis')

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const client = new Redis(process.env.REDIS_URL)
const subscriber = new Redis(process.env.REDIS_URL)
lifecycle.add(blockingRedis(subscriber), { needs: [lifecycle.add(redis(client))] })
lifecycle.add({ name: 'logger', phase: 'telemetry', drain: () => new Promise((resolve) => setTimeout(resolve, 500)) })

subscriber.on('pmessage', (_pattern, _channel, text) => {
  console.log('heard', text)
  client.get('nothing', () => {
    setTimeout(() => {
      client.rpush(`${process.env.ID}:done`, text, (error) => {
        if (error) console.log(`gave up ${text}`, error.message)
      })
    }, 150)
  })
})
subscriber.psubscribe(`${process.env.ID}*`, () => {
  bindProcess(lifecycle)
    .ready()
    .then(() => console.log('ready'))
})
