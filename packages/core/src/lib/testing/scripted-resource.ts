import type { Clock } from '../clock.ts'
import type { Phase, Resource, StartContext } from '../resource.ts'

/** The methods of a resource that a script can time, and put something into. */
export type ScriptedMethod = 'start' | 'quiesce' | 'drain' | 'force'

/**
 * One line of what happened. `started`, `drained` and `forced` are the ends of what began; `aborted` is the signal that `drain` was
 * given, and after it nothing is `drained` any more.
 */
export interface ScriptedCall {
  readonly name: string
  readonly call: ScriptedMethod | 'started' | 'drained' | 'aborted' | 'forced'
  /** `clock.now()` */
  readonly atMs: number
}

export interface ScriptedOptions extends Pick<Resource, 'drainFrom' | 'timeoutMs' | 'reserveMs' | 'forceMs' | 'lastArrival' | 'warnings'> {
  readonly clock: Clock
  readonly name: string
  /** @default 'connections' */
  readonly phase?: Phase
  /**
   * How long each takes, in ms; `Infinity` hangs. Only a resource with something to do at the start has a `start`, since
   * such a one cannot be added later.
   * @default 0: over at once
   */
  readonly startTakesMs?: number
  readonly drainTakesMs?: number
  readonly forceTakesMs?: number
  /** What `inFlight()` says until the drain is over. @default 0 */
  readonly inFlight?: number
  /** Goes on when its signal aborts, instead of ending with the signal's reason. @default false */
  readonly ignoresAbort?: boolean
  /** Called at the beginning of a call: throws, blocks the clock, stops the lifecycle again. What it throws is what the method fails with. */
  readonly during?: Partial<Record<ScriptedMethod, () => void>>
  /** Where the calls are noted; give several resources the same one to see the order between them. @default one of its own */
  readonly calls?: ScriptedCall[]
}

export interface ScriptedResource extends Resource {
  /** What was called and when, oldest first. No exit ends a `start` or `force` that takes longer: it is noted when its time comes. */
  readonly calls: readonly ScriptedCall[]
}

/**
 * A resource that takes the time it is told to, on a fake clock: a stand-in for a pool or a server in a test of how
 * the others stop.
 */
export function scriptedResource(options: ScriptedOptions): ScriptedResource {
  const { clock, name, phase = 'connections', startTakesMs = 0, drainTakesMs = 0, forceTakesMs = 0, ignoresAbort = false, during = {}, calls = [] } = options
  let inFlight = options.inFlight ?? 0
  const note = (call: ScriptedCall['call']): void => void calls.push({ name, call, atMs: clock.now() })

  return {
    ...declared(options),
    name,
    phase,
    calls,
    inFlight: () => inFlight,
    ...(startTakesMs > 0 || during.start ? { start } : {}),
    quiesce() {
      begin('quiesce')
    },
    async drain({ signal }) {
      signal.addEventListener('abort', () => note('aborted'), { once: true })
      begin('drain')
      await wait(drainTakesMs, ignoresAbort ? undefined : signal)
      // It went on, but what it was working on has been cut.
      if (signal.aborted) return
      inFlight = 0
      note('drained')
    },
    async force() {
      begin('force')
      await wait(forceTakesMs, undefined)
      note('forced')
    },
  }

  async function start({ signal }: StartContext): Promise<void> {
    begin('start')
    await wait(startTakesMs, ignoresAbort ? undefined : signal)
    note('started')
  }

  function begin(method: ScriptedMethod): void {
    note(method)
    during[method]?.()
  }

  /** Without a timer where there is nothing to wait for, so that what is over at once is over in the same tick. */
  async function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (ms === 0) return
    await new Promise<void>((resolve, reject) => {
      const cancel = ms === Infinity ? () => {} : clock.setTimer(resolve, ms)
      signal?.addEventListener('abort', () => {
        cancel()
        reject(signal.reason as Error)
      })
    })
  }
}

/** Only what was given: an option that is not there is not the same as one that is undefined. */
function declared(options: ScriptedOptions): Partial<Resource> {
  const keys = ['drainFrom', 'timeoutMs', 'reserveMs', 'forceMs', 'lastArrival', 'warnings'] as const
  return Object.fromEntries(keys.filter((key) => options[key] !== undefined).map((key) => [key, options[key]]))
}
