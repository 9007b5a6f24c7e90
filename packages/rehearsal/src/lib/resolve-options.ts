import { isAbsolute } from 'node:path'
import { LifecycleError, requireMs, show } from '@lameduck/core'
import type { HttpTarget, LoadOptions, NetworkOptions, PreStop, ProbeOptions, RehearsalOptions, RolloutOptions } from './rehearsal-options.ts'

/** The options with every default filled in. */
export interface ResolvedOptions extends Omit<RehearsalOptions, 'rollout' | 'load' | 'probes' | 'network'> {
  readonly command: readonly [string, ...string[]]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly replicas: number
  readonly readyTimeoutMs: number
  readonly probes: Required<ProbeOptions>
  readonly network: Required<NetworkOptions>
  readonly rollout: Required<RolloutOptions>
  readonly load: ResolvedLoad
  readonly warmUpMs: number
  readonly coolDownMs: number
  readonly lastReplicas: 'kill' | 'terminate'
  readonly seed: number
}

export type ResolvedLoad = Required<Omit<LoadOptions, 'script'>> & { readonly script: string | undefined }

/** @throws LifecycleError `invalid-option`, with the value. */
export function resolveOptions(options: RehearsalOptions): ResolvedOptions {
  const { probes = {}, network = {}, rollout = {}, load = {} } = options
  const [program, ...args] = options.command
  if (typeof program !== 'string' || program === '') {
    throw invalid(`command must be a program and its arguments, like ['node', 'dist/main.js']; it is ${show(options.command)}`)
  }
  const replicas = requireCount(options.replicas ?? 3, 'replicas', 1)
  return {
    ...options,
    command: [program, ...args],
    cwd: options.cwd ?? process.cwd(),
    env: options.env ?? {},
    replicas,
    readyTimeoutMs: requireMs(options.readyTimeoutMs ?? 30_000, 'readyTimeoutMs', 1),
    probes: {
      readiness: requireTarget(probes.readiness ?? { path: '/readyz', port: 'probe' }, 'probes.readiness'),
      liveness: probes.liveness === 'none' ? 'none' : requireTarget(probes.liveness ?? { path: '/livez', port: 'probe' }, 'probes.liveness'),
      periodMs: requireMs(probes.periodMs ?? 200, 'probes.periodMs', 1),
      timeoutMs: requireMs(probes.timeoutMs ?? 1_000, 'probes.timeoutMs', 1),
      failureThreshold: requireCount(probes.failureThreshold ?? 3, 'probes.failureThreshold', 1),
    },
    network: {
      propagationMs: requireMs(network.propagationMs ?? 1_000, 'network.propagationMs'),
      delayMs: requireMs(network.delayMs ?? 0, 'network.delayMs'),
    },
    rollout: resolveRollout(rollout, replicas),
    load: resolveLoad(load),
    warmUpMs: requireMs(options.warmUpMs ?? 1_000, 'warmUpMs'),
    coolDownMs: requireMs(options.coolDownMs ?? 1_000, 'coolDownMs'),
    lastReplicas: options.lastReplicas ?? 'kill',
    seed: requireCount(options.seed ?? Math.floor(Math.random() * 2 ** 31), 'seed', 0),
  }
}

function resolveRollout(rollout: RolloutOptions, replicas: number): Required<RolloutOptions> {
  const terminate = requireCount(rollout.terminate ?? replicas, 'rollout.terminate', 0)
  if (terminate > replicas) throw invalid(`rollout.terminate (${terminate}) must not be above replicas (${replicas})`)
  return {
    terminate,
    replace: rollout.replace ?? true,
    waitForExit: rollout.waitForExit ?? false,
    graceMs: requireMs(rollout.graceMs ?? 30_000, 'rollout.graceMs', 1),
    leastAfterSignalMs: requireMs(rollout.leastAfterSignalMs ?? 2_000, 'rollout.leastAfterSignalMs'),
    preStop: requirePreStop(rollout.preStop ?? 'none'),
  }
}

function resolveLoad(load: LoadOptions): ResolvedLoad {
  if (load.script !== undefined && !isAbsolute(load.script)) {
    throw invalid(`load.script must be an absolute path; it is ${show(load.script)}. Use fileURLToPath(new URL('./client.js', import.meta.url)).`)
  }
  return {
    fast: requireCount(load.fast ?? 40, 'load.fast', 0),
    slow: requireCount(load.slow ?? 20, 'load.slow', 0),
    fastPauseMs: requireMs(load.fastPauseMs ?? 40, 'load.fastPauseMs'),
    slowPauseMs: requireMs(load.slowPauseMs ?? 1_500, 'load.slowPauseMs'),
    streams: requireCount(load.streams ?? 0, 'load.streams', 0),
    streamPath: load.streamPath ?? '/events',
    path: load.path ?? '/',
    script: load.script,
    timeoutMs: requireMs(load.timeoutMs ?? 10_000, 'load.timeoutMs', 1),
  }
}

function requirePreStop(preStop: PreStop): PreStop {
  if (preStop === 'none') return preStop
  if (typeof preStop === 'object' && 'sleepMs' in preStop) {
    requireMs(preStop.sleepMs, 'rollout.preStop.sleepMs')
    return preStop
  }
  if (typeof preStop === 'object' && 'httpGet' in preStop) {
    requireTarget(preStop.httpGet, 'rollout.preStop.httpGet')
    return preStop
  }
  throw invalid(`rollout.preStop must be 'none', { sleepMs } or { httpGet: { path, port } }; it is ${show(preStop)}`)
}

function requireTarget(target: HttpTarget, option: string): HttpTarget {
  if (!target.path.startsWith('/')) throw invalid(`${option}.path must begin with "/"; it is ${show(target.path)}`)
  if (target.port !== 'app' && target.port !== 'probe') throw invalid(`${option}.port must be 'app' or 'probe'; it is ${show(target.port)}`)
  return target
}

function requireCount(value: number, option: string, least: number): number {
  if (Number.isInteger(value) && value >= least) return value
  throw invalid(`${option} must be a whole number, at least ${least}; it is ${show(value)}`)
}

function invalid(message: string): LifecycleError {
  return new LifecycleError('invalid-option', message)
}
