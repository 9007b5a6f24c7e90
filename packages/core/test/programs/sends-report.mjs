// A receiver of the report that is not done when it returns, in many ways.
import { bindProcess, createLifecycle } from '@lameduck/core'
import { runInNewContext } from 'node:vm'

const [, , how, onReportMs = '2000'] = process.argv
const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const receivers = {
  promise: async ({ result }) => (await after(300), console.log(`sent ${result}`)),
  thenable: (report) => Object.fromEntries(['then'].map((name) => [name, (...settle) => receivers.promise(report).then(...settle)])),
  realm: (report) => runInNewContext('send().then(() => {})', { send: () => receivers.promise(report) }),
  'realm rejects': () => runInNewContext('Promise.reject(new Error("the collector said no"))'),
  rejects: async () => (await after(10), Promise.reject(new Error('the collector said no'))),
  throws: () => {
    throw new Error('the collector said no')
  },
  hangs: () => new Promise(() => {}),
  'fails later': async ({ result }) => (setTimeout(() => void Promise.reject(new Error('too late')), 20), await after(100), console.log(`sent ${result}`)),
  'is overtaken': async () => (await after(50), process.exit(9)),
}
const lifecycle = createLifecycle({ policy: { graceMs: 3_000 } })
if (how === 'cut') lifecycle.add({ name: 'db', phase: 'connections', drain: () => new Promise(() => {}), force: () => {} })
await bindProcess(lifecycle, { onReport: receivers[how] ?? receivers.hangs, onReportMs: Number(onReportMs) }).ready()
if (how === 'listener') lifecycle.subscribe(async ({ type }) => type === 'stopped' && (await after(300), console.log('counted')))
if (how === 'listener hangs') lifecycle.subscribe(({ type }) => (type === 'stopped' ? new Promise(() => {}) : undefined))
setInterval(() => {}, 1e6)
console.log('ready')
