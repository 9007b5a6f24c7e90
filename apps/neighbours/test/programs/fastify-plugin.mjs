// What `fastify start` loads: a plugin with one slow answer, which binds a lifecycle with a database.
import { once } from 'node:events'
import { bindProcess, createLifecycle } from '@lameduck/core'

const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const lifecycle = createLifecycle()
lifecycle.add({ name: 'db', phase: 'connections', drain: async () => (await after(300), console.log('db drained')) })

export default async function plugin(app, _options) {
  app.get('/', async () => {
    console.log('asked')
    // In flight when the signal comes, however long that takes.
    await once(lifecycle.stopping, 'abort')
    await after(400)
    console.log('answered')
    return 'done'
  })
  app.addHook('onClose', async () => console.log('neighbour closed'))
  await bindProcess(lifecycle, { otherListeners: process.env.OTHER_LISTENERS }).ready()
  app.addHook('onListen', async () => console.log(`ready ${app.server.address().port}`))
}
