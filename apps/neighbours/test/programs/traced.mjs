// Three pieces of work, each with a span: one is over before the signal, two end in the drain. OpenTelemetry's preload is the neighbour.
import { trace } from '@opentelemetry/api'
import { bindProcess, createLifecycle } from '@lameduck/core'

const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const spanned = (name, work) => trace.getTracer('service').startActiveSpan(name, async (span) => (await work(), span.end()))
const lifecycle = createLifecycle()
lifecycle.add({ name: 'orders', phase: 'intake', drain: () => spanned('second', () => after(200)) })
lifecycle.add({ name: 'mail', phase: 'work', drain: () => spanned('third', () => after(200)) })
await bindProcess(lifecycle, { otherListeners: process.argv[2] }).ready()
await spanned('first', () => after(10))
setInterval(() => {}, 1e6)
console.log('ready')
if (process.argv[3] === 'crash') setTimeout(() => { throw new Error('a crash') })
if (process.argv[3] === 'stop()') void lifecycle.stop()
