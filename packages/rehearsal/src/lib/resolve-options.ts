import { isAbsolute } from 'node:path'
import { LifecycleError, requireMs, requireOptions, show } from '@lameduck/core'
import { loadNames, namesOfParts, networkNames, preStopNames, probeNames, rehearsalNames, rolloutNames, targetNames } from './option-names.ts'
import type { HttpTarget, LoadOptions, NetworkOptions, PreStop, ProbeOptions, RehearsalOptions, RolloutOptions } from './rehearsal-options.ts'

/** Each is a process of its own. */
const mostReplicas = 1_000

/** One process has them all. */
const mostClients = 1_000_000

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
  const { probes = {}, network = {}, rollout = {}, load = {} } = requireOptions(options, rehearsalNames, 'rehearse()', namesOfParts)
  requireOptions(probes, probeNames, 'probes of rehearse()')
  requireOptions(network, networkNames, 'network of rehearse()')
  const [program, ...args]: readonly unknown[] = Array.isArray(options.command) ? options.command : []
  if (typeof program !== 'string' || program === '' || !areTexts(args)) {
    throw invalid(`command must be a program and its arguments, like ['node', 'dist/main.js']; it is ${show(options.command)}`)
  }
  const replicas = requireCount(options.replicas ?? 3, 'replicas', 1, mostReplicas)
  for (const option of ['afterLoad', 'onEvent', 'onOutput'] as const) {
    if (options[option] !== undefined && typeof options[option] !== 'function') throw invalid(`${option} must be a function; it is ${show(options[option])}`)
  }
  if (options.signal !== undefined && typeof options.signal?.addEventListener !== 'function') throw invalid(`signal must be an AbortSignal; it is ${show(options.signal)}`)
  return {
    ...options,
    command: [program, ...args],
    cwd: requireText(options.cwd ?? process.cwd(), 'cwd'),
    env: requireEnv(options.env ?? {}),
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
    lastReplicas: requireOneOf(options.lastReplicas ?? 'kill', 'lastReplicas', ['kill', 'terminate']),
    seed: requireCount(options.seed ?? Math.floor(Math.random() * 2 ** 31), 'seed', 0, Number.MAX_SAFE_INTEGER),
  }
}

function resolveRollout(rollout: RolloutOptions, replicas: number): Required<RolloutOptions> {
  requireOptions(rollout, rolloutNames, 'rollout of rehearse()')
  const terminate = requireCount(rollout.terminate ?? replicas, 'rollout.terminate', 0)
  if (terminate > replicas) throw invalid(`rollout.terminate (${terminate}) must not be above replicas (${replicas})`)
  return {
    terminate,
    replace: requireOneOf(rollout.replace ?? true, 'rollout.replace', [true, false]),
    waitForExit: requireOneOf(rollout.waitForExit ?? false, 'rollout.waitForExit', [true, false]),
    graceMs: requireMs(rollout.graceMs ?? 30_000, 'rollout.graceMs', 1),
    leastAfterSignalMs: requireMs(rollout.leastAfterSignalMs ?? 2_000, 'rollout.leastAfterSignalMs'),
    preStop: requirePreStop(rollout.preStop ?? 'none'),
  }
}

function resolveLoad(load: LoadOptions): ResolvedLoad {
  requireOptions(load, loadNames, 'load of rehearse()')
  if (load.script !== undefined && !isAbsolute(requireText(load.script, 'load.script'))) {
    throw invalid(`load.script must be an absolute path; it is ${show(load.script)}. Use fileURLToPath(new URL('./client.js', import.meta.url)).`)
  }
  return {
    fast: requireCount(load.fast ?? 40, 'load.fast', 0),
    slow: requireCount(load.slow ?? 20, 'load.slow', 0),
    fastPauseMs: requireMs(load.fastPauseMs ?? 40, 'load.fastPauseMs'),
    slowPauseMs: requireMs(load.slowPauseMs ?? 1_500, 'load.slowPauseMs'),
    streams: requireCount(load.streams ?? 0, 'load.streams', 0),
    streamPath: requirePath(load.streamPath ?? '/events', 'load.streamPath'),
    path: requirePath(load.path ?? '/', 'load.path'),
    script: load.script,
    timeoutMs: requireMs(load.timeoutMs ?? 10_000, 'load.timeoutMs', 1),
  }
}

function requirePreStop(preStop: PreStop): PreStop {
  if (preStop === 'none') return preStop
  if (typeof preStop === 'object' && preStop !== null) {
    requireOptions<{ sleepMs?: number; httpGet?: HttpTarget }>(preStop, preStopNames, 'rollout.preStop of rehearse()')
    if ('sleepMs' in preStop && !('httpGet' in preStop)) {
      requireMs(preStop.sleepMs, 'rollout.preStop.sleepMs')
      return preStop
    }
    if ('httpGet' in preStop && !('sleepMs' in preStop)) {
      requireTarget(preStop.httpGet, 'rollout.preStop.httpGet')
      return preStop
    }
  }
  throw invalid(`rollout.preStop must be 'none', { sleepMs } or { httpGet: { path, port } }; it is ${show(preStop)}`)
}

function requireTarget(target: HttpTarget, option: string): HttpTarget {
  requireOptions(target, targetNames, `${option} of rehearse()`)
  requirePath(target.path, `${option}.path`)
  requireOneOf(target.port, `${option}.port`, ['app', 'probe'])
  return target
}

function requirePath(path: string, option: string): string {
  if (typeof path === 'string' && path.startsWith('/')) return path
  throw invalid(`${option} must begin with "/"; it is ${show(path)}`)
}

function requireOneOf<T>(value: T, option: string, values: readonly T[]): T {
  if (values.includes(value)) return value
  throw invalid(`${option} must be ${values.map((each) => (typeof each === 'string' ? `'${each}'` : String(each))).join(' or ')}; it is ${show(value)}`)
}

function requireText(text: string, option: string): string {
  if (typeof text === 'string' && text !== '') return text
  throw invalid(`${option} must be a text; it is ${show(text)}`)
}

function requireEnv(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  if (typeof env !== 'object' || env === null || Array.isArray(env)) throw invalid(`env must be an object of variables; it is ${show(env)}`)
  const wrong = Object.keys(env).find((name) => typeof env[name] !== 'string')
  if (wrong !== undefined) throw invalid(`env.${wrong} must be a text; it is ${show(env[wrong])}`)
  return env
}

function areTexts(values: readonly unknown[]): values is readonly string[] {
  return values.every((value) => typeof value === 'string')
}

function requireCount(value: number, option: string, least: number, most: number = mostClients): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw invalid(`${option} must be a whole number, at least ${least}${Number.isInteger(value) && value > most ? ` and at most ${most}` : ''}; it is ${show(value)}`)
}

function invalid(message: string): LifecycleError {
  return new LifecycleError('invalid-option', message)
}
