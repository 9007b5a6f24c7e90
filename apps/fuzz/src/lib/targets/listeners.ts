import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Lifecycle } from '@lameduck/core'
import { keptHostile } from '../hostile.ts'
import type { Input } from '../input.ts'
import { clockedCore } from '../stop-by-clock.ts'
import type { Target } from '../target.ts'

const most = 300

/** Listeners of events that do anything, also to the lifecycle they listen to. */
export const listeners: Target = {
  name: 'listeners',
  promise: 'listeners that throw, reject, stop, force, shrink, warn and add on every event move no deadline and keep no drain from being done',
  async open(load) {
    const { create, finish } = await clockedCore(load)
    return async (input) => {
      const { lifecycle, clock } = create()
      const drained: string[] = []
      let isForced = false
      for (const name of ['server', 'pool']) lifecycle.add({ name, phase: name === 'server' ? 'intake' : 'connections', drain: async () => void drained.push(name) })
      const actions = Array.from({ length: 1 + input.below(4) }, () => listener(lifecycle, input, () => (isForced = true)))
      for (const action of actions) lifecycle.subscribe(action)
      // Its errors are Node's to throw, and nobody's here to catch: it only acts.
      const onChannel = (): void => void Promise.resolve().then(() => lifecycle.warn('from the channel'))
      if (input.below(3) === 0) subscribe('lameduck.lifecycle', onChannel)
      const started = lifecycle.start().catch(() => {})
      await clock.advance(500)
      const report = await finish(lifecycle, clock)
      await started
      unsubscribe('lameduck.lifecycle', onChannel)
      if (typeof report === 'string') return report
      if (drained.length < 2 && !isForced && report.result === 'clean') return `only ${drained.join(', ') || 'nothing'} has drained, and the stop is called clean`
      return drained.length < 2 && !isForced ? `only ${drained.join(', ') || 'nothing'} has drained` : undefined
    }
  },
  mutants: [
    { name: 'listeners-may-throw', file: 'core/build/lib/events.js', find: 'warn(event, error);\n        return undefined;', replace: 'throw error;' },
    { name: 'knows-no-thenable', file: 'core/build/lib/events.js', find: '(error) => warn(event, error)', replace: '(error) => { throw error; }' },
  ],
}

function listener(lifecycle: Lifecycle, input: Input, onForce: () => void): () => unknown {
  const way = input.below(9)
  const isLater = input.below(3) === 0
  const leftMs = 300 + input.below(5_000)
  const value = way === 0 || way === 1 ? keptHostile(input) : undefined
  let left = most
  let count = 0
  const act = (): unknown => {
    if ((left -= 1) < 0) return undefined
    switch (way) {
      case 0:
        throw value
      case 1:
        return value
      case 2:
        return Promise.reject(new Error('rejected on purpose'))
      case 3:
        return void lifecycle.stop()
      case 4:
        return lifecycle.warn(`warning ${(count += 1)}`)
      case 5:
        // Below what a start and a stop of these takes, there would be nothing to promise.
        return lifecycle.shrinkTo(2_000 + leftMs)
      case 6:
        onForce()
        return lifecycle.force()
      case 7:
        return lifecycle.preStop()
      default:
        return void lifecycle.holdNotReady(`held ${(count += 1)}`)
    }
  }
  if (!isLater) return act
  return () => void Promise.resolve().then(() => way === 0 || way === 2 || void act())
}
