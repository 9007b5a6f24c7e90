import { fileURLToPath } from 'node:url'
import type { LoadOptions } from '@lameduck/rehearsal'
import { describe, expect, it } from 'vitest'
import { rehearseCell, type Cell, type CellOptions } from '../proof/rehearse-cell.mjs'
import { helpers } from '../proof/scenarios.mjs'

// The short form of proof/: rolling updates of two replicas, real processes, under load, 5 ms away, endpoints gone after 0.5 s.
const script = (name: string): string => fileURLToPath(new URL(`../proof/clients/${name}.mjs`, import.meta.url))

/** Longer than the propagation, and than any client's pause. */
const windowMs = 900
const graceMs = windowMs + 1_500

interface Case {
  readonly protocol?: 'http' | 'https' | 'proxy'
  readonly load?: LoadOptions
  readonly preStopMs?: number
}

describe('a rolling update under load loses nothing, and does with each of the usual helpers', () => {
  it.each<[string, Case]>([
    ['keep-alive', {}],
    ['POST bodies', { load: { script: script('post') } }],
    // Its upstream says keep-alive, and it passes that on.
    ['a proxy in front of another server', { protocol: 'proxy' }],
    ['TLS', { protocol: 'https', load: { script: script('tls') } }],
    // A window is needed all the same: connections stay where they are.
    ['endpoints gone before SIGTERM', { preStopMs: 800 }],
  ])('%s', async (_, each) => {
    const { lost, refused, killed, reasons, troubles, exits, exitMs } = await rollOut('lameduck', each)
    expect({ lost, refused, killed, reasons }).toEqual({ lost: 0, refused: 0, killed: 0, reasons: {} })
    // Enough was sent, and both replicas left by themselves, with 0, not before their window was over.
    expect(troubles).toEqual([])
    expect(exits).toBe(2)
    for (const afterSignalMs of exitMs) expect(afterSignalMs).toBeLessThan(windowMs + 1_000)

    const left = await Promise.all(helpers.map(async (helper) => ({ helper, ...(await rollOut(helper, each)) })))
    for (const cell of left) expect(cell.lost + cell.killed, `${cell.helper}: lost ${cell.lost}, killed ${cell.killed}`).toBeGreaterThan(0)
  })
})

describe('a rolling update shows nothing', () => {
  it('when the replicas crash on SIGTERM, or hardly anything is sent', async () => {
    const { exits, exitMs, troubles } = await rollOut('lameduck', { load: { fast: 2, slow: 0 } }, { command: [process.execPath, '--eval', crashing] })
    expect(exits).toBe(2)
    expect(troubles).toEqual([
      expect.stringMatching(/^\d+ sent, which is fewer than 300$/),
      'old-1 ended with 1, instead of 0',
      'old-2 ended with 1, instead of 0',
      ...exitMs.map((ms, index) => `old-${index + 1} left after ${ms} ms, before its window of 900 ms was over`),
    ])
  })

  it('when they are gone before anybody sent SIGTERM', async () => {
    const { troubles } = await rollOut('lameduck', {}, { command: [process.execPath, '--eval', `${crashing}; if (process.env.REPLICA === 'old-2') setTimeout(process.exit, 800, 3)`] })
    expect(troubles).toContain('old-2 ended with 3 while running')
  })
})

/** A service that exits with 1 when it is asked to leave. */
const crashing = `
  for (const name of ['PORT', 'PROBE_PORT']) require('node:http').createServer((request, response) => response.end()).listen(process.env[name], '127.0.0.1')
  process.on('SIGTERM', () => process.exit(1))
`

function rollOut(strategy: string, { protocol = 'http', load = {}, preStopMs }: Case, options: Partial<CellOptions> = {}): Promise<Cell> {
  const preStop = preStopMs === undefined ? 'none' : { sleepMs: preStopMs }
  return rehearseCell({
    scenario: { protocol, load: { fast: 40, slow: 10, ...load }, leastSent: 300 },
    strategy,
    delayMs: 5,
    propagationMs: 500,
    windowMs,
    rollout: { graceMs: graceMs + (preStop === 'none' ? 0 : 1_000), leastAfterSignalMs: 0, preStop },
    coolDownMs: 300,
    ...options,
  })
}
