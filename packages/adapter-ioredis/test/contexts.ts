import { createLifecycle, type DrainContext, type ForceContext, type Lifecycle, type Resource } from '@lameduck/core'
import { expect, onTestFinished } from 'vitest'

const reason = { kind: 'signal', signal: 'SIGTERM', interactive: false } as const

export const forceContext: ForceContext = { reason, boundMs: 50 }

export function drainContext(ms: number, signal: AbortSignal = new AbortController().signal): DrainContext {
  const deadline = performance.now() + ms
  return { reason, deadline, signal, remaining: () => Math.max(0, deadline - performance.now()) }
}

/** Runs `force`, which must return at once; resolves with how long it took, in ms, without what other processes took from it meanwhile. */
export async function timeForce(resource: Resource): Promise<number> {
  const [begunAt, cpu] = [performance.now(), process.cpuUsage()]
  const forcing = resource.force?.(forceContext)
  const [tookMs, { user, system }] = [performance.now() - begunAt, process.cpuUsage(cpu)]
  expect(forcing).toBeUndefined()
  await forcing
  return Math.min(tookMs, (user + system) / 1_000)
}

/** How many of the promises were kept and broken; never resolves when one never settles. */
export async function countSettled(promises: readonly Promise<unknown>[]): Promise<{ fulfilled: number; rejected: number }> {
  const settled = await Promise.allSettled(promises)
  const fulfilled = settled.filter(({ status }) => status === 'fulfilled').length
  return { fulfilled, rejected: settled.length - fulfilled }
}

/** Whether the promise is still pending after `ms`. */
export async function neverWithin(ms: number, promise: Promise<unknown>): Promise<boolean> {
  const settled = promise.then(
    () => false,
    () => false,
  )
  return Promise.race([settled, new Promise<boolean>((resolve) => setTimeout(resolve, ms, true))])
}

/** A lifecycle that has started, with these resources. */
export async function started(resources: Resource | readonly Resource[], timeoutMs: number = 20_000): Promise<Lifecycle> {
  const phase = { timeoutMs, reserveMs: 100 }
  const lifecycle = createLifecycle({ env: {}, policy: { graceMs: 30_000, phases: { intake: phase, connections: phase } } })
  for (const resource of [resources].flat()) lifecycle.add(resource)
  await lifecycle.start()
  return lifecycle
}

/** The test runner's own listeners would fail the run. */
export function nextUnhandled(): Promise<unknown> {
  const others = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  onTestFinished(() => {
    process.removeAllListeners('unhandledRejection')
    for (const each of others) process.on('unhandledRejection', each)
  })
  return new Promise((resolve) => process.once('unhandledRejection', resolve))
}
