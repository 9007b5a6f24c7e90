// Somebody calls process.exit: before a stop, in the middle of one, or from a timer that was given the function.
import { bindProcess, createLifecycle } from '@lameduck/core'

const how = process.argv[2]
const endIn20Ms = () => (how === 'bound' ? setTimeout(process.exit.bind(process), 20, 6) : setTimeout(() => process.exit(5), 20))
const lifecycle = createLifecycle()
lifecycle.add({ name: 'db', phase: 'connections', drain: () => (endIn20Ms(), new Promise(() => {})) })
await bindProcess(lifecycle).ready()
setInterval(() => {}, 1e6)
console.log('ready')
if (how === 'before') process.exit(4)
