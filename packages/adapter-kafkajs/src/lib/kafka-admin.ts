import { closeWhenIdle, createTracker, cutError, orAborted, type Resource, type Tracker } from '@lameduck/core'
import { controlOf } from './client-control.ts'
import { isRefusal } from './is-refusal.ts'
import { resourceMembers, type KafkaResourceOptions } from './resource-options.ts'
import { clientWarnings } from './warnings.ts'

/** The subset of kafkajs' `Admin` that is needed. */
export interface KafkaAdminClient {
  connect(): Promise<void>
  disconnect(): Promise<void>
}

/** Members that ask the broker nothing, or that are the resource's own business. */
const untracked = ['connect', 'disconnect', 'on', 'logger']

/**
 * A kafkajs admin client as a Resource of the phase `connections`: connected by it, and disconnected when nobody is left to use it.
 *
 * Replaces all functions that ask the broker by functions that do the same and are counted: the drain waits for them, since one
 * call of kafkajs is often several requests, between which `disconnect()` would not wait. Later calls reject (`closed`), and so do those that
 * are under way when it is cut (`cut`); whether the broker has done them is not known. A call that gets no answer fails the step.
 *
 * @throws LifecycleError `invalid-option`
 */
export function kafkaAdmin(admin: KafkaAdminClient, options: KafkaResourceOptions = {}): Resource {
  const members = resourceMembers(options, 'kafka-admin')
  const control = controlOf(admin)
  const calls = createTracker(members.name, isRefusal)
  const cutting = new AbortController()
  trackAll(admin, calls)

  function cut(): void {
    const error = cutError(members.name, 'what was under way')
    cutting.abort(error)
    calls.cut()
    admin.disconnect().catch(() => {})
    control?.cut(error)
  }

  return {
    ...members,
    phase: 'connections',
    warnings: clientWarnings(admin, 'this admin client'),

    async start({ signal }) {
      try {
        await orAborted(admin.connect(), AbortSignal.any([signal, cutting.signal]))
      } catch (error) {
        cut()
        throw error
      }
    },

    quiesce: () => calls.tally.begin(),
    inFlight: calls.count,
    waitingFor: calls.waitingFor,
    tally: calls.tally.read,

    async drain({ signal }) {
      calls.tally.begin()
      const ended = AbortSignal.any([signal, cutting.signal])
      await closeWhenIdle(calls, calls.close, ended)
      await orAborted(admin.disconnect(), ended)
      await orAborted(Promise.resolve(control?.close()), ended)
    },

    force: cut,
  }
}

function trackAll(admin: object, calls: Tracker): void {
  for (const [name, member] of Object.entries(admin)) {
    if (typeof member !== 'function' || untracked.includes(name)) continue
    const call = member.bind(admin) as (...given: unknown[]) => Promise<unknown>
    Object.assign(admin, { [name]: (...given: unknown[]) => calls.track(() => name, () => call(...given)) })
  }
}
