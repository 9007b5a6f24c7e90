import { phases, requireMs, type Resource } from '@lameduck/core'
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Check } from './check.ts'
import type { OptionalMember } from './harness.ts'

const optionalMembers: readonly OptionalMember[] = ['start', 'check', 'quiesce', 'inFlight', 'force']

/** The resource is what `add()` accepts, and has the members that the harness declares: no more, no less. */
export function shapeCheck(members: readonly OptionalMember[]): Check {
  return {
    name: 'has a name, a phase, sensible times and the declared members',
    needs: [],
    async run({ resource }) {
      ok(typeof resource.name === 'string' && resource.name !== '', `name must be a non-empty string; it is ${String(resource.name)}`)
      ok(phases.includes(resource.phase), `phase must be one of ${phases.join(', ')}; it is ${String(resource.phase)}`)
      for (const option of ['timeoutMs', 'reserveMs', 'forceMs'] as const) {
        if (resource[option] !== undefined) requireMs(resource[option], option)
      }
      for (const warning of resource.warnings ?? []) equal(typeof warning, 'string', 'a warning must be text')
      equal(typeof resource.drain, 'function', 'drain must be a function')
      deepEqual(membersOf(resource), optionalMembers.filter((member) => members.includes(member)), 'the members that the harness declares are not those of the resource')
    },
  }
}

function membersOf(resource: Resource): OptionalMember[] {
  return optionalMembers.filter((member) => resource[member] !== undefined)
}
