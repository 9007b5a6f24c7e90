import { LifecycleError, requireMs, show } from './errors.ts'
import { requireOptions, type OptionNames } from './require-options.ts'
import { phases, type Phase } from './resource.ts'

/** Time given to the steps of one phase. */
export interface PhasePolicy {
  /** Guaranteed to each resource of the phase, in ms. */
  readonly reserveMs: number
  /** Longest time each resource of the phase may take, in ms; nothing means: until its latest finish. */
  readonly timeoutMs?: number
}

/** The lame duck ends not before `minMs`, then when no work has arrived for `quietMs`, and never after `maxMs`. */
export interface LameDuckPolicy {
  readonly minMs: number
  readonly quietMs: number
  readonly maxMs: number
}

/**
 * Exit codes by how the stop went, each its own, so that the code alone tells what happened. 137 is never among the
 * defaults: it is what the platform shows for SIGKILL.
 */
export interface ExitCodes {
  /** Everything drained. @default 0 */
  readonly clean: number
  /**
   * Everything drained, but a finite job has work left (`Resource.unfinished`): 0 would mark a Kubernetes Job as
   * complete. The default is what the platform shows for a process that SIGTERM ended. @default 143
   */
  readonly interrupted: number
  /**
   * Nothing is known to be lost, but of some work nobody can tell how it ended, or a client was used after it had closed. Where it is 0, a
   * finite job with work left ends with the code of `interrupted` instead.
   * @default 0
   */
  readonly unknown: number
  /** At least one resource was cut, work may be lost. @default 71 */
  readonly forced: number
  /** A resource failed to drain, or an uncaught error came during the stop; nothing was cut. @default 72 */
  readonly failed: number
  /** An uncaught error, or a failed start, began the stop, whose result is `failed` or `forced`. The default is Node's own. @default 1 */
  readonly fatal: number
  /** The event loop was blocked at the deadline, and the watchdog ended the process. @default 70 */
  readonly stalled: number
}

/** The resolved numbers that the plan is made from. */
export interface Policy {
  /** The platform's grace period in ms: from the deletion to SIGKILL. @default 30000 */
  readonly graceMs: number
  /** Who set `graceMs`, for the report's `budgetSource`. @default 'policy.graceMs', or 'the default grace period' */
  readonly graceFrom: string
  /** How much of the grace period has passed when the platform's signal arrives (a preStop hook), in ms. @default 0 */
  readonly preStopMs: number
  /** Kept free before SIGKILL for the report, the flush and the exit, in ms. @default 1000 */
  readonly marginMs: number
  /** @default in Kubernetes minMs 5000 (or maxMs, if that is less), elsewhere 0; quietMs 1000 where minMs is above 0; maxMs twice minMs, or quietMs if that is more */
  readonly lameDuck: LameDuckPolicy
  readonly phases: Readonly<Record<Phase, PhasePolicy>>
  /** Longest time one resource's `force` may take, in ms. @default 100 */
  readonly forceMs: number
  /** Budget of a stop that an uncaught error began, in ms. @default 5000 */
  readonly fatalMs: number
  readonly exitCodes: ExitCodes
}

/** A policy as a user writes it: every part optional. */
export type PolicyOptions = {
  readonly [K in keyof Policy]?: K extends 'phases'
    ? { readonly [P in Phase]?: Partial<PhasePolicy> }
    : Policy[K] extends number | string
      ? Policy[K]
      : Partial<Policy[K]>
}

/** Shares of a 30 s grace period that let every phase finish usual work: 1 s margin, 5 s lame duck, 13 s reserved. */
const defaultReserveMs: Record<Phase, number> = { intake: 5_000, work: 3_000, producers: 2_000, connections: 2_000, telemetry: 1_000 }

const defaultExitCodes: ExitCodes = { clean: 0, interrupted: 143, unknown: 0, forced: 71, failed: 72, fatal: 1, stalled: 70 }

/** What a policy may say. */
export const policyNames: OptionNames<PolicyOptions> = { graceMs: true, graceFrom: true, preStopMs: true, marginMs: true, lameDuck: true, phases: true, forceMs: true, fatalMs: true, exitCodes: true }

/**
 * Fills in the defaults and refuses what cannot work.
 *
 * The lame duck's default depends on the platform: 5 s in Kubernetes (recognised by `KUBERNETES_SERVICE_HOST`),
 * where the removal of an endpoint reaches every kube-proxy only seconds later; 0 elsewhere, where waiting
 * would only make Ctrl-C and tests slow.
 *
 * @throws LifecycleError `invalid-option`, with the value.
 */
export function resolvePolicy(options: PolicyOptions = {}, env: NodeJS.ProcessEnv = process.env): Policy {
  requireOptions(options, policyNames, 'policy')
  const graceMs = requireMs(options.graceMs ?? 30_000, 'policy.graceMs', 1)
  const preStopMs = requireMs(options.preStopMs ?? 0, 'policy.preStopMs')
  const marginMs = requireMs(options.marginMs ?? Math.min(1_000, graceMs / 4), 'policy.marginMs')
  if (graceMs - preStopMs - marginMs <= 0) {
    throw new LifecycleError(
      'invalid-option',
      `policy leaves no time: graceMs ${graceMs} − preStopMs ${preStopMs} − marginMs ${marginMs} must be above 0. Raise the grace period or shorten preStop.`,
    )
  }
  return {
    graceMs,
    graceFrom: options.graceFrom ?? (options.graceMs === undefined ? 'the default grace period' : 'policy.graceMs'),
    preStopMs,
    marginMs,
    lameDuck: resolveLameDuck(options.lameDuck, env),
    phases: resolvePhases(options.phases),
    forceMs: requireMs(options.forceMs ?? 100, 'policy.forceMs', 1),
    fatalMs: requireMs(options.fatalMs ?? 5_000, 'policy.fatalMs', 1),
    exitCodes: resolveExitCodes(options.exitCodes),
  }
}

function resolveLameDuck(options: Partial<LameDuckPolicy> = {}, env: NodeJS.ProcessEnv): LameDuckPolicy {
  requireOptions(options, { minMs: true, quietMs: true, maxMs: true }, 'policy.lameDuck')
  const inKubernetes = env['KUBERNETES_SERVICE_HOST'] !== undefined
  const usual = inKubernetes ? 5_000 : 0
  const minMs = requireMs(options.minMs ?? Math.min(usual, options.maxMs ?? usual), 'policy.lameDuck.minMs')
  const quietMs = requireMs(options.quietMs ?? (minMs > 0 ? 1_000 : 0), 'policy.lameDuck.quietMs')
  const maxMs = requireMs(options.maxMs ?? Math.max(minMs * 2, quietMs), 'policy.lameDuck.maxMs')
  if (maxMs < minMs) {
    throw new LifecycleError('invalid-option', `policy.lameDuck.maxMs (${maxMs}) must not be below minMs (${minMs})`)
  }
  return { minMs, quietMs, maxMs }
}

function resolvePhases(options: PolicyOptions['phases'] = {}): Record<Phase, PhasePolicy> {
  requireOptions(options, { intake: true, work: true, producers: true, connections: true, telemetry: true }, 'policy.phases')
  const resolved = {} as Record<Phase, PhasePolicy>
  for (const phase of phases) {
    const own = options[phase] ?? {}
    requireOptions(own, { reserveMs: true, timeoutMs: true }, `policy.phases.${phase}`)
    const reserveMs = requireMs(own.reserveMs ?? defaultReserveMs[phase], `policy.phases.${phase}.reserveMs`)
    resolved[phase] =
      own.timeoutMs === undefined ? { reserveMs } : { reserveMs, timeoutMs: requireMs(own.timeoutMs, `policy.phases.${phase}.timeoutMs`) }
  }
  return resolved
}

function resolveExitCodes(options: Partial<ExitCodes> = {}): ExitCodes {
  requireOptions(options, { clean: true, interrupted: true, unknown: true, forced: true, failed: true, fatal: true, stalled: true }, 'policy.exitCodes')
  const given = Object.fromEntries(Object.entries(options).filter(([, code]) => code !== undefined))
  const codes: ExitCodes = { ...defaultExitCodes, ...given }
  for (const [name, code] of Object.entries(codes)) {
    if (!Number.isInteger(code) || code < 0 || code > 255) {
      throw new LifecycleError('invalid-option', `policy.exitCodes.${name} must be a whole number from 0 to 255; it is ${show(code)}`)
    }
  }
  return codes
}
