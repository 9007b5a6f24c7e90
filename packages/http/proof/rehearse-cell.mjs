import { fileURLToPath } from 'node:url'
import { rehearse } from '@lameduck/rehearsal'
import { slowPauseMs, windowFor } from './scenarios.mjs'
import { troublesOf } from './verdict.mjs'

const replica = fileURLToPath(new URL('replicas/replica.mjs', import.meta.url))

/** What a replica has besides its window until SIGKILL, in ms. */
const afterWindowMs = 2_000

/** Five for each of 24 clients. */
const usualLeastSent = 120

/**
 * How far above the formula of README.md (rate of new streams × round trip, for each connection that is ended) the refused ones may be. The
 * median answer stands for the round trip: it holds the work too, so that it is longer.
 */
const refusedFactor = 2

/**
 * One rolling update under load, and what it cost: `lost`; `refused`, which the scenario's `mayLose` allows up to `refusedLimit`; `unanswered` are runs of a
 * handler whose answer nobody got; `exitMs` are the times from SIGTERM to each exit; `troubles` say why it shows nothing. Everything else goes to `rehearse`.
 */
export async function rehearseCell({ scenario, strategy, delayMs, propagationMs, windowMs = windowFor(propagationMs), node = process.execPath, load = {}, replicas = 2, ...options }) {
  const { protocol, env = {}, mayLose, leastSent = usualLeastSent } = scenario
  const graceMs = windowMs + afterWindowMs
  // The clients' process has the environment of this one.
  process.env.TLS = env.TLS ?? ''
  const runs = new Map()
  const { load: result, exits, tookMs } = await rehearse({
    command: [node, replica],
    env: { ...env, PROTOCOL: protocol, STRATEGY: strategy, WINDOW_MS: String(windowMs), GRACE_MS: String(graceMs) },
    replicas,
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
  const sent = result.sent + Number(records.requests?.[0] ?? 0)
  const refused = mayLose === undefined ? 0 : failures.filter((failure) => mayLose(failure)).length
  return {
    sent,
    lost: failures.length - refused,
    refused,
    refusedLimit: mayLose === undefined ? 0 : Math.ceil((refusedFactor * sent * latency.p50Ms * replicas) / tookMs),
    unanswered: [...runs.values()].reduce((sum, count) => sum + Math.max(0, count), 0),
    repeated: records.repeated?.length ?? 0,
    exits: exits.length,
    killed: exits.filter((exit) => exit.killed).length,
    exitMs: exits.map((exit) => Math.round(exit.afterSignalMs ?? 0)),
    p50Ms: latency.p50Ms,
    reasons: countReasons(failures),
    troubles: troublesOf({ sent, leastSent, exits, replicas, leastMs: strategy === 'close' ? 0 : windowMs }),
  }
}

function countReasons(failures) {
  const counts = {}
  for (const { method, reason, detail } of failures) {
    const key = `${method} ${reason}: ${detail.replaceAll(/127\.0\.0\.1:\d+/g, 'the service')}`
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}
