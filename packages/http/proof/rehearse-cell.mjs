import { fileURLToPath } from 'node:url'
import { rehearse } from '@lameduck/rehearsal'
import { slowPauseMs, windowFor } from './scenarios.mjs'

const replica = fileURLToPath(new URL('replicas/replica.mjs', import.meta.url))

/** What a replica has besides its window until SIGKILL, in ms. */
const afterWindowMs = 2_000

/**
 * One rolling update under load, and what it cost: `lost` without what the scenario's `mayLose` allows, `unanswered` are runs of a handler whose
 * answer nobody got, `exitMs` are the times from SIGTERM to each exit. Everything else goes to `rehearse`.
 */
export async function rehearseCell({ scenario, strategy, delayMs, propagationMs, windowMs = windowFor(propagationMs), node = process.execPath, load = {}, ...options }) {
  const { protocol, env = {}, mayLose = () => false } = scenario
  const graceMs = windowMs + afterWindowMs
  // The clients' process has the environment of this one.
  process.env.TLS = env.TLS ?? ''
  const runs = new Map()
  const { load: result, exits } = await rehearse({
    command: [node, replica],
    env: { ...env, PROTOCOL: protocol, STRATEGY: strategy, WINDOW_MS: String(windowMs), GRACE_MS: String(graceMs) },
    replicas: 2,
    network: { propagationMs, delayMs },
    rollout: { graceMs, leastAfterSignalMs: 500 },
    load: { fast: 8, slow: 16, slowPauseMs, timeoutMs: 5_000, ...scenario.load, ...load },
    warmUpMs: 500,
    coolDownMs: 400,
    onOutput({ text }) {
      if (text.startsWith('ran ')) runs.set(text.slice(4), (runs.get(text.slice(4)) ?? 0) + 1)
    },
    ...options,
  })
  const { failures, records, latency } = result
  for (const path of records.answered ?? []) runs.set(path, (runs.get(path) ?? 0) - 1)
  const allowed = failures.filter((failure) => mayLose(failure)).length
  return {
    sent: result.sent + Number(records.requests?.[0] ?? 0),
    lost: failures.length - allowed,
    allowed,
    unanswered: [...runs.values()].reduce((sum, count) => sum + Math.max(0, count), 0),
    repeated: records.repeated?.length ?? 0,
    exits: exits.length,
    killed: exits.filter((exit) => exit.killed).length,
    exitMs: exits.map((exit) => Math.round(exit.afterSignalMs)),
    p50Ms: latency.p50Ms,
    reasons: countReasons(failures),
  }
}

function countReasons(failures) {
  const counts = {}
  for (const { method, reason, detail } of failures) {
    const key = `${method} ${reason}: ${detail.replace(/127\.0\.0\.1:\d+/, 'the service')}`
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}
