import { setTimeout } from 'node:timers/promises'
import { bindProcess, createLifecycle, type BoundProcess, type Lifecycle, type Resource } from '@lameduck/core'

/** When the service ends: at a signal that the test sends, or by an error. */
type End = 'signal' | 'throw' | 'reject' | 'before start' | 'while starting' | 'failed start'

const end = (process.env['END'] ?? 'signal') as End
const fatalMs = Number(process.env['FATAL_MS'] ?? 5_000)

export const lifecycle: Lifecycle = createLifecycle({ policy: { graceMs: 10_000, fatalMs } })

/** Does `work` and leaves what the SDK collects of it, under this name. */
export type Leave = (name: string, work: () => Promise<unknown>) => Promise<unknown>

/** A service with work in flight that leaves telemetry before the end, at the end, and while it drains. */
export async function live(leave: Leave, bound: BoundProcess = bindProcess(lifecycle)): Promise<void> {
  let finish = (): void => {}
  let inFlight: Promise<unknown> = Promise.resolve()
  lifecycle.add({
    name: 'work',
    phase: 'work',
    async drain() {
      finish()
      await inFlight
      await leave('in the drain', () => setTimeout(20))
    },
  })
  if (process.env['HANGS'] !== undefined) lifecycle.add({ name: 'pool', phase: 'connections', drain: () => new Promise(() => {}) })
  if (end === 'while starting') lifecycle.add(startsFor(() => crash()))
  if (end === 'failed start') lifecycle.add(startsFor(() => Promise.reject(new Error('boom'))))
  // Something that keeps the process alive, as a server does.
  setInterval(() => {}, 60_000)

  await leave('before', async () => {})
  if (end === 'before start') return crash()
  await bound.ready()
  inFlight = leave('in flight', () => new Promise<void>((resolve) => (finish = resolve)))
  console.log('ready')
  if (end === 'throw') void crash()
  if (end === 'reject') void Promise.reject(new Error('boom'))
}

function startsFor(start: () => Promise<void>): Resource {
  return { name: 'client', phase: 'connections', start, drain: () => {} }
}

/** Never settles. */
function crash(): Promise<void> {
  setImmediate(() => {
    throw new Error('boom')
  })
  return new Promise(() => {})
}
