import { phases, requireMs, show, type Resource } from '@lameduck/core'
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Check } from './check.ts'
import type { OptionalMember } from './harness.ts'

/** Every optional member that has checks of its own. */
export const optionalMembers: readonly OptionalMember[] = ['start', 'check', 'preStop', 'quiesce', 'inFlight', 'waitingFor', 'lastArrival', 'force']

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
      equal(typeof resource.drain, 'function', 'drain must be a function')
      mustWarnInWords(resource.warnings ?? [])
      const undeclared = membersOf(resource).filter((member) => !members.includes(member))
      deepEqual(undeclared, [], `the resource has ${undeclared.join(', ')}, which the harness must list in its "members"`)
      const absent = members.filter((member) => resource[member] === undefined)
      deepEqual(absent, [], `the harness declares ${absent.join(', ')} in its "members", which the resource does not have`)
    },
  }
}

/** A warning is read in a log: one line, that says what is wrong and what to do. */
function mustWarnInWords(warnings: unknown): void {
  ok(Array.isArray(warnings), `warnings must be an array of texts; it is ${show(warnings)}`)
  for (const warning of warnings as readonly unknown[]) {
    ok(typeof warning === 'string', `a warning must be text; it is ${show(warning)}`)
    ok(/\S\s+\S+\s+\S/.test(warning) && !warning.includes('\n'), `a warning must be one line that says what is wrong and what to do; it is ${show(warning)}`)
  }
}

function membersOf(resource: Resource): OptionalMember[] {
  return optionalMembers.filter((member) => resource[member] !== undefined)
}
