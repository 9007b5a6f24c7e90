import { orAborted, type Resource } from '@lameduck/core'
import { controlOf } from './client-control.ts'
import { resourceMembers, type KafkaResourceOptions } from './resource-options.ts'
import { clientWarnings } from './warnings.ts'

/** The subset of kafkajs' `Admin` that is needed. */
export interface KafkaAdminClient {
  connect(): Promise<void>
  disconnect(): Promise<void>
}

/** A kafkajs admin client as a Resource of the phase `connections`: connected by it, and disconnected when nobody is left to use it. */
export function kafkaAdmin(admin: KafkaAdminClient, options: KafkaResourceOptions = {}): Resource {
  const members = resourceMembers(options, 'kafka-admin')
  const control = controlOf(admin)

  const cutting = new AbortController()

  function cut(): void {
    const error = new Error(`${members.name} was cut: its deadline has passed`)
    cutting.abort(error)
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

    async drain({ signal }) {
      await orAborted(admin.disconnect(), AbortSignal.any([signal, cutting.signal]))
      control?.close()
    },

    force: cut,
  }
}
