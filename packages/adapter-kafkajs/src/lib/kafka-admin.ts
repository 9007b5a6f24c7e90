import { orAborted, type Resource } from '@lameduck/core'
import { controlOf } from './client-control.ts'
import { createPendingCalls, type PendingCalls } from './pending-calls.ts'
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
 * call of kafkajs is often several requests, between which `disconnect()` would not wait. Later calls reject, and so do those that
 * are under way when it is cut; whether the broker has done them is not known.
 *
 * @throws LifecycleError `invalid-option`
 */
export function kafkaAdmin(admin: KafkaAdminClient, options: KafkaResourceOptions = {}): Resource {
  const members = resourceMembers(options, 'kafka-admin')
  const control = controlOf(admin)
  const calls = createPendingCalls()
  const cutting = new AbortController()
  trackAll(admin, calls)

  function cut(): void {
    const error = new Error(`${members.name} was cut: its deadline has passed; whether the broker has done this is not known`)
    cutting.abort(error)
    calls.cut(error)
    admin.disconnect().catch(() => {})
    control?.cut(error)
  }

  /** Closed in the tick in which nothing is under way, or one more call could slip in before the disconnect. */
  function idle(): Promise<void> {
    return new Promise((resolve) => {
      calls.whenIdle(() => {
        calls.close(new Error('this admin client has been stopped: nothing was asked'))
        resolve()
      })
    })
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

    inFlight: calls.count,
    waitingFor: calls.waitingFor,

    async drain({ signal }) {
      const ended = AbortSignal.any([signal, cutting.signal])
      await orAborted(idle(), ended)
      await orAborted(admin.disconnect(), ended)
      await orAborted(Promise.resolve(control?.close()), ended)
    },

    force: cut,
  }
}

function trackAll(admin: object, calls: PendingCalls): void {
  for (const [name, member] of Object.entries(admin)) {
    if (typeof member !== 'function' || untracked.includes(name)) continue
    const call = member.bind(admin) as (...given: unknown[]) => Promise<unknown>
    Object.assign(admin, { [name]: (...given: unknown[]) => calls.track(() => name, () => call(...given)) })
  }
}
