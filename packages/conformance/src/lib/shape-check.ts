import { createLifecycle, show, type Resource } from '@lameduck/core'
import { deepEqual, ok } from 'node:assert/strict'
import type { Check } from './check.ts'
import type { OptionalMember } from './harness.ts'

/** Every optional member that has checks of its own. */
export const optionalMembers: readonly OptionalMember[] = ['start', 'check', 'preStop', 'watch', 'quiesce', 'inFlight', 'waitingFor', 'lastArrival', 'tally', 'unfinished', 'force']

/** The resource is what `add()` accepts, and has the members that the harness declares: no more, no less. */
export function shapeCheck(members: readonly OptionalMember[]): Check {
  return {
    name: 'has a name, a phase, sensible times and the declared members',
    needs: [],
    async run({ resource }) {
      createLifecycle().add(resource)
      mustWarnInWords(resource.warnings ?? [])
      const undeclared = membersOf(resource).filter((member) => !members.includes(member))
      deepEqual(undeclared, [], `the resource has ${undeclared.join(', ')}, which the harness must list in its "members"`)
      const absent = members.filter((member) => resource[member] === undefined)
      deepEqual(absent, [], `the harness declares ${absent.join(', ')} in its "members", which the resource does not have`)
    },
  }
}

/** A warning is read in a log: one line, that says what is wrong and what to do. */
function mustWarnInWords(warnings: readonly string[]): void {
  for (const warning of warnings) {
    ok(/\S\s+\S+\s+\S/.test(warning) && !warning.includes('\n'), `a warning must be one line that says what is wrong and what to do; it is ${show(warning)}`)
  }
}

function membersOf(resource: Resource): OptionalMember[] {
  return optionalMembers.filter((member) => resource[member] !== undefined)
}
