import { fileURLToPath } from 'node:url'
import { rehearse, type LoadOptions, type PreStop, type Rehearsal } from '@lameduck/rehearsal'
import { describe, expect, it } from 'vitest'

// The short form of proof/: rolling updates of two replicas, real processes, under load, 5 ms away, endpoints gone after 0.5 s.
const file = (name: string): string => fileURLToPath(new URL(`../proof/${name}`, import.meta.url))

/** What people copy, and how much of it is left: all of them lose requests here, or never leave. */
const helpers = ['close', 'sleep-close', 'http-terminator']

/** Longer than the propagation, and than any client's pause. */
const windowMs = 900
const graceMs = windowMs + 1_500

interface Case {
  readonly protocol?: 'http' | 'https'
  readonly load?: LoadOptions
  readonly preStop?: PreStop
}

describe('a rolling update under load loses nothing, and does with each of the usual helpers', () => {
  it.each<[string, Case]>([
    ['keep-alive', {}],
    ['POST bodies', { load: { script: file('clients/post.mjs') } }],
    ['TLS', { protocol: 'https', load: { script: file('clients/tls.mjs') } }],
    // A window is needed all the same: connections stay where they are.
    ['endpoints gone before SIGTERM', { preStop: { sleepMs: 800 } }],
  ])('%s', async (_, each) => {
    const { load, exits } = await rollOut('lameduck', each)
    expect(load.failures).toEqual([])
    expect(load.sent).toBeGreaterThan(300)
    expect(exits.map(({ replica, code, killed }) => ({ replica, code, killed }))).toEqual([
      { replica: 'old-1', code: 0, killed: false },
      { replica: 'old-2', code: 0, killed: false },
    ])
    for (const exit of exits) {
      expect(exit.afterSignalMs).toBeGreaterThanOrEqual(windowMs - 5)
      expect(exit.afterSignalMs).toBeLessThan(windowMs + 1_000)
    }

    const left = await Promise.all(helpers.map(async (helper) => rollOut(helper, each)))
    for (const [index, helper] of helpers.entries()) {
      const lost = left[index]?.load.lost ?? 0
      const killed = left[index]?.exits.filter((exit) => exit.killed).length ?? 0
      expect(lost + killed, `${helper}: lost ${lost}, killed ${killed}`).toBeGreaterThan(0)
    }
  })
})

function rollOut(strategy: string, { protocol = 'http', load = {}, preStop = 'none' }: Case): Promise<Rehearsal> {
  return rehearse({
    command: [process.execPath, file('replicas/replica.mjs')],
    env: { PROTOCOL: protocol, STRATEGY: strategy, WINDOW_MS: String(windowMs), GRACE_MS: String(graceMs) },
    replicas: 2,
    network: { delayMs: 5, propagationMs: 500 },
    rollout: { graceMs: graceMs + (preStop === 'none' ? 0 : 1_000), leastAfterSignalMs: 0, preStop },
    load: { fast: 40, slow: 10, slowPauseMs: 400, ...load },
    warmUpMs: 500,
    coolDownMs: 300,
  })
}
