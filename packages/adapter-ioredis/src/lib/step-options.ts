import { requireMs, type OptionNames, type Phase, type Resource } from '@lameduck/core'

export interface StepOptions {
  /** When it stops: see `phases` of @lameduck/core. @default 'connections' for `redis`, 'intake' for `blockingRedis` */
  readonly phase?: Phase
  /** Longest time for the drain, in ms. @default the policy's value for the phase */
  readonly timeoutMs?: number
  /** Time that is guaranteed to the drain, in ms. @default the policy's value for the phase */
  readonly reserveMs?: number
}

export const stepOptionNames: OptionNames<StepOptions> = { phase: true, timeoutMs: true, reserveMs: true }

/** Cutting takes a few ms in every state and awaits nothing; 50 leaves room for a busy event loop. */
const forceMs = 50

export function stepOptions({ timeoutMs, reserveMs }: StepOptions, where: string): Pick<Resource, 'timeoutMs' | 'reserveMs' | 'forceMs'> {
  return {
    forceMs,
    ...(timeoutMs !== undefined && { timeoutMs: requireMs(timeoutMs, `${where} timeoutMs`) }),
    ...(reserveMs !== undefined && { reserveMs: requireMs(reserveMs, `${where} reserveMs`) }),
  }
}
