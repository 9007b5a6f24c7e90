import type { OptionNames } from '@lameduck/core'
import type { AttemptOptions, ClientRequest } from './client.ts'
import type { HttpTarget, LoadOptions, NetworkOptions, ProbeOptions, RehearsalOptions, RolloutOptions } from './rehearsal-options.ts'

/** Every option that there is; another one is refused, since it would do nothing. */
export const rehearsalNames: OptionNames<RehearsalOptions> = {
  command: true, cwd: true, env: true, replicas: true, readyTimeoutMs: true, probes: true, network: true, rollout: true, load: true, warmUpMs: true,
  coolDownMs: true, lastReplicas: true, seed: true, afterLoad: true, onEvent: true, onOutput: true, signal: true,
}

export const probeNames: OptionNames<ProbeOptions> = { readiness: true, liveness: true, periodMs: true, timeoutMs: true, failureThreshold: true }

export const networkNames: OptionNames<NetworkOptions> = { propagationMs: true, delayMs: true }

export const rolloutNames: OptionNames<RolloutOptions> = { terminate: true, replace: true, waitForExit: true, graceMs: true, leastAfterSignalMs: true, preStop: true }

export const preStopNames: OptionNames<{ sleepMs?: number; httpGet?: HttpTarget }> = { sleepMs: true, httpGet: true }

export const targetNames: OptionNames<HttpTarget> = { path: true, port: true }

export const loadNames: OptionNames<LoadOptions> = {
  fast: true, slow: true, fastPauseMs: true, slowPauseMs: true, streams: true, streamPath: true, path: true, script: true, timeoutMs: true,
}

export const attemptNames: OptionNames<AttemptOptions> = { method: true, path: true, timeoutMs: true }

export const requestNames: OptionNames<ClientRequest> = { method: true, path: true, headers: true, body: true, timeoutMs: true, isGood: true }

/** What belongs to a part of a rehearsal's options, to be suggested. */
export const namesOfParts: readonly string[] = Object.entries({ probes: probeNames, network: networkNames, rollout: rolloutNames, load: loadNames }).flatMap(([part, names]) =>
  Object.keys(names).map((name) => `${part}.${name}`),
)
