import type * as core from '@lameduck/core'
import { foreignText, keptHostile } from '../hostile.ts'
import type { Target } from '../target.ts'

type Core = typeof core
const known = { graceMs: true, marginMs: true, name: true, drainFrom: true } as const

/** Options that are not known, or are no options. */
export const options: Target = {
  name: 'options',
  promise: 'options are returned as they are when all are known, and else refused with a LifecycleError of one readable line',
  async open(load) {
    const { requireOptions } = await load<Pick<Core, 'requireOptions'>>('core/build/lib/require-options.js')
    const { requireMs, LifecycleError } = await load<Pick<Core, 'requireMs' | 'LifecycleError'>>('core/build/lib/errors.js')
    return (input) => {
      const isRecord = input.below(3) > 0
      const names = Array.from({ length: input.below(4) }, () => (input.below(3) ? input.pick(Object.keys(known)) : foreignText(input, 3_000)))
      const given = isRecord ? Object.fromEntries(names.map((name) => [name, 1])) : keptHostile(input)
      const isKnown = isRecord && names.every((name) => Object.hasOwn(known, name))
      const ms = keptHostile(input)
      const begunAt = performance.now()
      for (const call of [() => requireOptions(given as object, known as object as Record<never, true>, 'fuzzed()'), () => requireMs(ms as number, 'fuzzed(ms)')]) {
        try {
          const result = call()
          if (result === given && isRecord && !isKnown) return `was accepted: ${JSON.stringify(names)}`
          if (typeof result === 'number' && !(result >= 0 && result < 1e13)) return `${result} ms were accepted`
        } catch (error) {
          if (result(error) !== undefined) return result(error)
        }
      }
      const tookMs = performance.now() - begunAt
      return tookMs > 400 ? `it took ${tookMs.toFixed(0)} ms` : undefined
    }

    function result(error: unknown): string | undefined {
      if (error instanceof TypeError && error.message.includes('revoked')) return undefined
      if (!(error instanceof LifecycleError)) return error instanceof Error && error.message === 'refused on purpose' ? undefined : `what is thrown is no LifecycleError: ${String((error as Error).stack)}`
      return error.message.length > 8_000 ? `a message of ${error.message.length} characters` : undefined
    }
  },
  mutants: [
    { name: 'knows-everything', file: 'core/build/lib/require-options.js', find: '!Object.hasOwn(names, key)', replace: 'false' },
    { name: 'accepts-any-ms', file: 'core/build/lib/errors.js', find: "if (typeof value === 'number' && value >= least && value <= longestMs)", replace: 'if (true)' },
  ],
}
