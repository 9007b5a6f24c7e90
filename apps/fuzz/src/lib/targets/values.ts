import type { Resource } from '@lameduck/core'
import { keptHostile } from '../hostile.ts'
import type { Input } from '../input.ts'
import { clockedCore } from '../stop-by-clock.ts'
import type { Target } from '../target.ts'

const members = ['start', 'check', 'preStop', 'watch', 'quiesce', 'inFlight', 'lastArrival', 'behind', 'waitingFor', 'tally', 'unfinished', 'force'] as const
const fields = ['timeoutMs', 'reserveMs', 'forceMs', 'drainFrom', 'phase', 'warnings'] as const

/** Resources whose members say, return and throw anything. */
export const values: Target = {
  name: 'values',
  promise: 'a stop of hostile resources has a readable report by its deadline, and is not clean where a drain has thrown',
  async open(load) {
    const { create, finish, isLifecycleError } = await clockedCore(load)
    return async (input) => {
      const { lifecycle, clock } = create()
      const thrown = new Set<string>()
      for (let n = 0; n <= input.below(3); n += 1) {
        const made = resource(`r${n}`, input, () => thrown.add(`r${n}`))
        try {
          lifecycle.add(made)
        } catch (error) {
          // What its own `watch` throws comes out as it is: it is called there and then.
          if (made.watch === undefined && !isLifecycleError(error)) throw error
        }
      }
      const started = lifecycle.start().catch(() => {})
      await clock.advance(3_000)
      if (input.below(2)) void lifecycle.check()
      if (input.below(4) === 0) lifecycle.preStop()
      const stranger = keptHostile(input)
      if (input.below(4) === 0) void lifecycle.stop({ kind: 'fatal', origin: 'uncaughtException', error: stranger })
      const report = await finish(lifecycle, clock)
      await clock.advance(40_000)
      await started
      if (typeof report === 'string') return report
      const lied = report.steps.find(({ name, outcome }) => thrown.has(name) && outcome === 'drained')
      if (lied) return `${lied.name} has thrown in its drain, and is called drained`
      return report.result === 'clean' && thrown.size > 0 ? 'a drain has thrown, and the stop is called clean' : undefined
    }
  },
  mutants: [
    { name: 'a-failed-drain-is-drained', file: 'core/build/lib/engine/stop-step.js', find: 'draining.then(onDrained, onDrainFailed)', replace: 'draining.then(onDrained, onDrained)' },
  ],
}

function resource(name: string, input: Input, onThrow: () => void): Resource {
  const made: Record<string, unknown> = { name, phase: input.pick(['intake', 'work', 'connections']) }
  for (let left = input.below(6); left > 0; left -= 1) {
    const member = input.pick(members)
    const value = keptHostile(input)
    const isThrown = input.below(2) === 0
    made[member] = (): unknown => {
      if (isThrown) throw value
      return value
    }
  }
  if (input.below(6) === 0) made[input.pick(fields)] = keptHostile(input)
  const value = keptHostile(input)
  const way = input.below(4)
  made['drain'] = (): unknown => {
    if (way === 0) return undefined
    if (way === 1) return value
    onThrow()
    if (way === 3) throw value
    return Promise.reject(value)
  }
  return made as unknown as Resource
}
