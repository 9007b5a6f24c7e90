// An SDK that is imported when it is first used, and brings a SIGTERM listener which flushes and exits. lameduck is to run it in time.
import { createServer } from 'node:http'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })

function importSdk() {
  process.on('SIGTERM', async function flushAndLeave() {
    await new Promise((resolve) => setTimeout(resolve, 50))
    console.log('flushed')
    process.exit(143)
  })
}

const server = createServer((request, response) => {
  console.log('began')
  setTimeout(() => response.end('ok\n'), 600)
})
lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle, { otherListeners: 'adopt' }).ready()
importSdk()
console.log(`ready ${server.address().port}`)
