import type { Lifecycle, LifecycleError, LifecycleOptions, Report } from '@lameduck/core'
import type { FakeClock } from '@lameduck/core/testing'
import type { Load } from './libraries.ts'

export const graceMs = 8_000
const controls = /\p{Cc}/u

/** Core as it was built file by file, on a clock that is moved by hand. */
export interface ClockedCore {
  readonly create: () => { readonly lifecycle: Lifecycle; readonly clock: FakeClock }
  /** Moves the clock until nothing can happen any more. Returns the report, or what was broken. */
  readonly finish: (lifecycle: Lifecycle, clock: FakeClock) => Promise<Report | string>
  readonly isLifecycleError: (error: unknown) => boolean
}

export async function clockedCore(load: Load): Promise<ClockedCore> {
  const { createLifecycle } = await load<{ createLifecycle: (options: LifecycleOptions) => Lifecycle }>('core/build/lib/engine/create-lifecycle.js')
  const { createFakeClock } = await load<{ createFakeClock: () => FakeClock }>('core/build/lib/testing/fake-clock.js')
  const { reportLine } = await load<{ reportLine: (report: Report) => string }>('core/build/lib/report/report-line.js')
  const errors = await load<{ LifecycleError: typeof LifecycleError }>('core/build/lib/errors.js')
  return {
    create() {
      const clock = createFakeClock()
      return { clock, lifecycle: createLifecycle({ clock, env: {}, policy: { graceMs, marginMs: 500, lameDuck: { minMs: 100, quietMs: 100, maxMs: 1_000 } } }) }
    },
    async finish(lifecycle, clock) {
      let report: Report | undefined
      const askedAt = clock.now()
      void lifecycle.stop().then((made) => (report = made))
      await clock.advance(graceMs)
      if (report === undefined) return `there is no report ${clock.now() - askedAt} ms after the stop, of ${graceMs} ms`
      const line = reportLine(report)
      JSON.parse(line)
      if (controls.test(line)) return `a control character in the report: ${JSON.stringify(line).slice(0, 300)}`
      return Buffer.byteLength(line) > 16_000 ? `a report of ${Buffer.byteLength(line)} bytes` : report
    },
    isLifecycleError: (error) => error instanceof errors.LifecycleError,
  }
}
