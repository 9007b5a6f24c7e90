// A client that was written by hand on core's tracker: a heartbeat goes on after the close, handlers await calls that are cut, and what they throw wraps it.
import { bindProcess, createLifecycle, createTracker } from '@lameduck/core'

const [, , how] = process.argv
const tracker = createTracker('cache')
const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const call = (what, ms) => tracker.track(() => what, () => after(ms))

const lifecycle = createLifecycle({ policy: { graceMs: 3_000, phases: { connections: { reserveMs: 1_000 }, telemetry: { reserveMs: 500 } } } })
lifecycle.add({
  name: how === 'stray' ? 'other' : 'cache',
  phase: 'connections',
  quiesce: () => tracker.tally.begin(),
  inFlight: tracker.count,
  waitingFor: tracker.waitingFor,
  tally: ['uncounted', 'uncounted cut', 'stray', 'two lifecycles'].includes(how) ? undefined : tracker.tally.read,
  async drain({ signal }) {
    if (how === 'cut') await new Promise((resolve) => signal.addEventListener('abort', resolve))
    if (how === 'uncounted cut') tracker.cut()
    tracker.close()
  },
  force: tracker.cut,
})
// What comes after the close is still seen: a second resource that takes some time.
lifecycle.add({ name: 'spans', phase: 'telemetry', drain: () => after(200) })
if (how === 'two lifecycles') {
  const other = createLifecycle()
  other.add({ name: 'queue', phase: 'connections', drain: () => after(100) })
  await bindProcess(other).ready()
}
await bindProcess(lifecycle).ready()

class QueryFailed extends Error {}
if (how === 'cut' || how === 'uncounted cut') {
  for (let n = 0; n < 100; n += 1) void call('GET', 60_000)
} else {
  setInterval(() => {
    const beat = call('heartbeat', 1)
    // Unhandled, as a library throws it: its own error, with what the client threw behind it.
    if (how === 'wrapped') void beat.catch((error) => Promise.reject(new QueryFailed('the query failed', { cause: Object.assign(new Error('driver'), { driverError: error }) })))
  }, 5)
}
setInterval(() => {}, 1e6)
if (how === 'failure') lifecycle.stopping.addEventListener('abort', () => void Promise.reject(new Error('a failure of its own')))
console.log('ready')
