// Somebody else listens to the signal. What it does, when it comes, and what lameduck is to do about it, are parameters.
import { bindProcess, createLifecycle } from '@lameduck/core'
import { exit as importedExit } from 'node:process'

const [, , when, how, otherListeners = 'warn', signal = 'SIGTERM'] = process.argv
const { END } = process.env
const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const say = (...texts) => console.log(texts.join(' '))

const listeners = {
  async closeEverything(...parameters) {
    say('closing on', parameters.join(), this === process)
    await after(100)
    say('closed')
  },
  closeAndExit: async () => {
    await after(100)
    say('closed')
    process.exit(143)
    say('NEVER')
  },
  exitAtOnce: () => {
    process.exit(0)
    say('NEVER')
  },
  exitByImport: async () => {
    await after(10)
    importedExit(0)
    say('NEVER')
  },
  exitInTick: () => process.nextTick(process.exit.bind(process, 0)),
  exitInCallback: () => void setTimeout(() => (say('closed'), process.exit(), say('NEVER')), 100),
  exitFloating: () => void (async () => (await after(100), say('closed'), process.exit(0)))(),
  exitCaught: async () => {
    try {
      await after(10)
      process.exit(0)
    } catch (error) {
      say('caught', error.stack)
      process.exit(1)
    }
  },
  signalAgain: async () => (await after(100), say('closed'), process.kill(process.pid, 'SIGTERM')),
  beginOnly: () => void setTimeout(() => say('closed'), 100),
  failWithCode: async () => (await after(10), process.exit(1)),
  reject: async () => (await after(10), Promise.reject(new Error('it did not close'))),
  hang: () => new Promise(() => {}),
  nameless: (() => () => {
    setTimeout(() => say('closed'), 100)
  })(),
  // Known by its text to be OpenTelemetry's preload.
  flushSdk: async (signal) => {
    await after(50)
    say('OpenTelemetry SDK terminated', signal)
  },
  leaveIfAlone: () => {
    if (process.listenerCount('SIGTERM') === 1) process.exit(1)
  },
}

const lifecycle = createLifecycle({ policy: { graceMs: 8_000, phases: { work: { reserveMs: 500 } } } })
const step = (name, phase, ms) => lifecycle.add({ name, phase, drain: async () => (await after(ms), say(`${name} drained`)) })
step('work', 'work', 300)
step('db', 'connections', 100)
const add = () => (when === 'once' ? process.once(signal, listeners[how]) : process.on(signal, listeners[how]))
if (when === 'before' || when === 'once') add()
if (when === 'twice' || when === 'other first') {
  process.on('SIGINT', when === 'twice' ? listeners[how] : () => say('NEVER'))
  add()
  if (when === 'twice') add()
}
const bound = bindProcess(lifecycle, { otherListeners })
if (when === 'between') add()
await bound.ready()
const timer = setInterval(() => {}, 1e6)
if (when === 'later') add()
if (when === 'removed' || when === 'unbound') {
  add()
  await after(1)
}
if (when === 'removed') {
  say('seen', process.listenerCount('SIGTERM'), process.listeners('SIGTERM').includes(listeners[how]))
  process.off('SIGTERM', listeners[how])
}
if (when === 'unbound') {
  bound.unbind()
  say('left', process.rawListeners('SIGTERM').map(({ name }) => name))
}
console.log('ready')
if (END === 'throw') setTimeout(() => { throw new Error('a crash') })
if (END === 'stop') void lifecycle.stop()
if (END === 'empty') clearInterval(timer)
