// What is subscribed throws, rejects, or answers every event with another stop.
import { subscribe } from 'node:diagnostics_channel'
import { runInNewContext } from 'node:vm'
import { bindProcess, createLifecycle } from '@lameduck/core'

const [, , what] = process.argv
const lifecycle = createLifecycle({ policy: { graceMs: 4_000, marginMs: 1_000 } })
lifecycle.add({ name: 'db', phase: 'connections', drain: () => console.log('db drained') })
setInterval(() => {}, 1_000)
await bindProcess(lifecycle).ready()
const subscribers = {
  'channel-throws': () => subscribe('lameduck.lifecycle', ({ event }) => event.no.such.thing),
  'channel-throws-later': () => subscribe('lameduck.lifecycle', ({ event }) => process.nextTick(() => event.no.such.thing)),
  'channel-stops': () => subscribe('lameduck.lifecycle', () => void lifecycle.stop()),
  'channel-stops-and-throws': () =>
    subscribe('lameduck.lifecycle', () => {
      void lifecycle.stop()
      throw new Error('a bug in a plugin')
    }),
  rejects: () => lifecycle.subscribe(() => runInNewContext('Promise.reject(new Error("of another realm"))')),
  'thenable-throws': () =>
    lifecycle.subscribe(() => runInNewContext('({ then() { throw new Error("no promise at all") } })')),
  stops: () => lifecycle.subscribe(() => void lifecycle.stop()),
  'stops-later': () => lifecycle.subscribe(() => void Promise.resolve().then(() => lifecycle.stop())),
  'fatal-later': () => lifecycle.subscribe(() => void Promise.resolve().then(() => lifecycle.stop({ kind: 'fatal', origin: 'uncaughtException', error: new Error('again') }))),
  warns: () => lifecycle.subscribe(({ type }) => lifecycle.warn(`${type} ${Math.random()}`)),
  'warns-later': () => lifecycle.subscribe(({ type }) => void Promise.resolve().then(() => lifecycle.warn(`${type} ${Math.random()}`))),
  shrinks: () => lifecycle.subscribe(({ leftMs = 2_000 }) => lifecycle.shrinkTo(leftMs * 0.999_999)),
  holds: () => lifecycle.subscribe(() => lifecycle.holdNotReady('why')()),
}
subscribers[what]()
process.kill(process.pid, 'SIGTERM')
