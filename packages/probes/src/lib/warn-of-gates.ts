import type { CheckResult, Lifecycle, State } from '@lameduck/core'

/** Says, once everything has started, what will be regretted about the names on which readiness is gated. */
export function warnOfGates(lifecycle: Lifecycle, gateOn: readonly string[], runGates: () => Promise<readonly CheckResult[]>): void {
  if (lifecycle.state.name === 'ready') return void warn()
  const unsubscribe = lifecycle.subscribe((event) => {
    if (event.type !== 'state-changed') return
    unsubscribe()
    if (isReady(event.state)) void warn()
  })

  async function warn(): Promise<void> {
    const checked = new Set((await runGates()).map(({ name }) => name))
    const unknown = gateOn.filter((name) => !checked.has(name))
    if (unknown.length > 0) {
      lifecycle.warn(
        `readiness is gated on ${quoted(unknown)}, but no resource with a check has that name, so /readyz answers 503. ` +
          'Give gateOn the name of a resource that has one.',
      )
    }
    const shared = lifecycle.plan().steps.filter(({ name, phase }) => phase === 'connections' && checked.has(name)).map(({ name }) => name)
    if (shared.length > 0) {
      lifecycle.warn(
        `readiness is gated on ${quoted(shared)}, a connection: when what it leads to is away, every replica that shares it leaves the balancer ` +
          "in the same second, with all that could be served without it. Take it out of gateOn unless it is this replica's own.",
      )
    }
  }
}

function isReady(state: State): boolean {
  return state.name === 'ready'
}

function quoted(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(', ')
}
