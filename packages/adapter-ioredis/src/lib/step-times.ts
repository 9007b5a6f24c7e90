import { requireMs, type Resource } from '@lameduck/core'

export interface StepTimes {
  /** Longest time for the drain, in ms. @default the policy's value for the phase */
  readonly timeoutMs?: number
  /** Time that is guaranteed to the drain, in ms. @default the policy's value for the phase */
  readonly reserveMs?: number
}

/** Cutting takes a few ms in every state; 50 leaves room for a busy event loop. */
const forceMs = 50

export function stepTimes({ timeoutMs, reserveMs }: StepTimes, where: string): Pick<Resource, 'timeoutMs' | 'reserveMs' | 'forceMs'> {
  return {
    forceMs,
    ...(timeoutMs !== undefined && { timeoutMs: requireMs(timeoutMs, `${where} timeoutMs`) }),
    ...(reserveMs !== undefined && { reserveMs: requireMs(reserveMs, `${where} reserveMs`) }),
  }
}
