import { inParallel } from './in-parallel.mjs'
import { rehearseCell } from './rehearse-cell.mjs'

/** Clients that pause for 0 to 4 s, on one replica that leaves, 5 ms away. More of them would measure how long it takes to close them all. */
const clients = 100
const longestPauseMs = 4_000
const delayMs = 5
const windowsMs = [0, 500, 1_000, 2_000, 3_000, 4_200]

/** Few are lost in one run. */
const runsFactor = 2

/**
 * What is lost on connections that were idle through the whole window: the rate at which they are used again, times the
 * time in which a request and the end of the connection can cross, which is one round trip.
 *
 * Of pauses that are spread evenly over 0 to T, a share of (1 − W/T)² is still going W after a moment, and ends at a rate of (1 − W/T) · 2/T.
 */
function expectedLost(windowMs, roundTripMs) {
  return (clients * Math.max(0, 1 - windowMs / longestPauseMs) * 2 * roundTripMs) / longestPauseMs
}

/** One row for each window: what was lost in all runs, and what the formula says with the round trip that was measured in them. */
export async function measureResidue({ runs, jobs, node, progress }) {
  const rows = windowsMs.map((windowMs) => ({ windowMs, runs: runs * runsFactor, sent: 0, lost: 0, killed: 0, expected: 0, roundTripMs: 0, reasons: {}, troubles: [] }))
  const wanted = Array.from({ length: runs * runsFactor }, () => rows).flat()
  await inParallel(jobs, wanted, async (row) => {
    const cell = await rehearseCell({
      scenario: { protocol: 'http', env: { WORK_MS: '0' }, leastSent: clients },
      strategy: 'lameduck',
      delayMs,
      propagationMs: 0,
      windowMs: row.windowMs,
      node,
      replicas: 1,
      load: { fast: 0, slow: clients, slowPauseMs: longestPauseMs },
      // Every client has its connection by then.
      warmUpMs: longestPauseMs + 500,
    })
    row.sent += cell.sent
    row.lost += cell.lost
    row.killed += cell.killed
    row.troubles.push(...cell.troubles)
    row.roundTripMs += cell.p50Ms / row.runs
    row.expected += expectedLost(row.windowMs, cell.p50Ms)
    for (const [reason, count] of Object.entries(cell.reasons)) row.reasons[reason] = (row.reasons[reason] ?? 0) + count
    progress(`residue, window ${row.windowMs / 1000} s: lost ${cell.lost} of ${cell.sent}`)
  })
  return rows
}
