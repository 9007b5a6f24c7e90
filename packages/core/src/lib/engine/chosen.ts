import type { PolicyOptions } from '../policy.ts'
import { phases, type Phase } from '../resource.ts'

/** What of a policy somebody has chosen; all else are defaults. Read once, so that no stop depends on the object that was given. */
export interface Chosen {
  /** Anything of the lame duck. */
  readonly lameDuck: boolean
  /** How long the lame duck is. */
  readonly lameDuckTime: boolean
  /** Phases with a reserve of their own. */
  readonly reserves: ReadonlySet<Phase>
}

export function chosenIn({ lameDuck = {}, phases: own = {} }: PolicyOptions = {}): Chosen {
  return {
    lameDuck: Object.values(lameDuck).some((ms) => ms !== undefined),
    lameDuckTime: lameDuck.minMs !== undefined || lameDuck.maxMs !== undefined,
    reserves: new Set(phases.filter((phase) => own[phase]?.reserveMs !== undefined)),
  }
}
