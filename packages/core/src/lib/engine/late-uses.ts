import { describeError } from '../describe-value.ts'
import { lifecycleErrorIn, type LifecycleError } from '../errors.ts'
import { createTally, type Tally, type Tallying } from '../work/tally.ts'

/** Calls that the stop has refused or cut, and whose error nobody handled. A resource with a `tally` counts such calls itself; others have nobody else who does. */
export interface LateUses {
  /** Counts one, or says that the error is another. Several errors of one call count once. */
  add(error: unknown): boolean
  /** What was heard of a resource. */
  of(name: string): Tally | undefined
  /** Of those that are none of `names`, what to say: one sentence for each. */
  strangers(names: ReadonlySet<string>): string[]
}

export function createLateUses(): LateUses {
  const seen = new WeakSet<LifecycleError>()
  const heard = new Map<string, { readonly tally: Tallying; readonly first: LifecycleError }>()

  function count(error: LifecycleError): void {
    const name = error.resource ?? ''
    const { tally } = heard.get(name) ?? { tally: createTally() }
    if (!heard.has(name)) heard.set(name, { tally, first: error })
    tally.begin()
    if (error.code === 'cut') tally.cut()
    else tally.refused(error.what ?? describeError(error))
  }

  return {
    add(error) {
      const late = lifecycleErrorIn(error)
      if (!late || !isLateUse(late)) return false
      if (!seen.has(late)) count(late)
      seen.add(late)
      return true
    },
    of: (name) => heard.get(name)?.tally.read(),
    strangers: (names) => [...heard].filter(([name]) => !names.has(name)).map(([, { first }]) => describeStranger(first)),
  }
}

/** Not a fault of the service, but what a call gets that comes too late, or takes too long. */
export function isLateUse({ code }: LifecycleError): boolean {
  return code === 'closed' || code === 'cut'
}

function describeStranger({ resource, code, what, message }: LifecycleError): string {
  if (resource === undefined) return `A call ${code === 'cut' ? 'was cut' : 'came after a close'}, and nobody knows of which resource: ${message}`
  return `"${resource}" was ${code === 'cut' ? 'cut under a call' : 'used after its close'}${what === undefined ? '' : ` (${what})`}, and no step of this stop has that name: nobody counts what is lost. Add it to the lifecycle.`
}
