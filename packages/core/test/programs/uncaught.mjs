// Somebody else decides about uncaught errors: a listener of the service, a callback, a domain, or nobody. One error comes before the stop, one in it.
import { bindProcess, createLifecycle } from '@lameduck/core'

const [, , who, kind = 'exception', onUncaught] = process.argv
const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const fail = (message) => {
  if (kind === 'rejection') void Promise.reject(new Error(message))
  else
    setImmediate(() => {
      throw new Error(message)
    })
}
const others = {
  'a listener': () => process.on('uncaughtException', function logAndGoOn(error) {
    console.log(`logged ${error.message}`)
  }),
  'a listener for rejections': () => process.on('unhandledRejection', (error) => console.log(`logged ${error.message}`)),
  'a callback': () => process.setUncaughtExceptionCaptureCallback((error) => console.log(`logged ${error.message}`)),
  'a domain': () => domain.on('error', (error) => console.log(`logged ${error.message}`)),
}
// Loaded where it is used: beside it there can be no callback.
const domain = who === 'a domain' ? (await import('node:domain')).create() : undefined
others[who]?.()
const lifecycle = createLifecycle()
const drain = async () => {
  if (who !== 'a domain') fail('in the stop')
  await after(50)
  console.log('db drained')
}
lifecycle.add({ name: 'db', phase: 'connections', drain })
await bindProcess(lifecycle, { onUncaught }).ready()
if (who === 'a later listener') others['a listener']()
setInterval(() => {}, 1e6)
if (who === 'a domain') domain.run(() => fail('before'))
else fail('before')
setTimeout(() => lifecycle.stopping.aborted || console.log('ready'), 100)
