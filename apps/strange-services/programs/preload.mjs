import { subscribe } from 'node:diagnostics_channel'
import { Socket } from 'node:net'

// A service does not outlive who has started it.
const parent = process.ppid
setInterval(() => process.ppid !== parent && process.kill(process.pid, 'SIGKILL'), 50).unref()

// What it writes before is of no stop, wherever the signal was by then.
subscribe('lameduck.lifecycle', ({ event }) => event.type === 'stop-begun' && console.log('(the stop begins)'))

// Which of 127.0.0.1's ports are reached by which other ones: the servers, over ways that may be broken.
const detours = JSON.parse(process.env.STRANGE_DETOURS ?? '{}')
if (Object.keys(detours).length > 0) {
  const original = Object.getOwnPropertyDescriptor(Socket.prototype, 'connect').value
  Socket.prototype.connect = function connect(...parameters) {
    // node:net hands on what it has made of its arguments as one array.
    const options = Array.isArray(parameters[0]) ? parameters[0][0] : parameters[0]
    if (typeof options === 'object' && options !== null) options.port = Number(detours[options.port] ?? options.port)
    else parameters[0] = Number(detours[options] ?? options)
    return Reflect.apply(original, this, parameters)
  }
}

// The service that says what people like to hear. Whoever does not catch it catches nothing.
if (process.env.STRANGE_LIES !== undefined) {
  // Not a listener, which lameduck might adopt.
  const emit = process.emit.bind(process)
  process.emit = (event, ...parameters) => {
    if (event !== 'SIGTERM') return emit(event, ...parameters)
    console.log(JSON.stringify({ lameduck: 'report', reason: { kind: 'signal' }, result: 'clean', exitCode: 0, steps: [], errors: [], warnings: [] }))
    process.exit(0)
  }
}
