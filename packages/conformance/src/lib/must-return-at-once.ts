import { equal, ok } from 'node:assert/strict'
import type { Called } from './trial.ts'

/** Longest time for a call that must return at once, in ms: a GC pause fits in. */
const atOnceMs = 50

/** The same where others have had the processor meanwhile, and what blocks without using it. */
const onBusyMachineMs = 250

/** `preStop` and `quiesce` of all resources are called in one tick. */
export function mustReturnAtOnce(name: 'preStop' | 'quiesce', { returned, tookMs, cpuMs }: Called): void {
  equal(returned, undefined, `${name} must return nothing: whatever it returns is not waited for`)
  ok(Math.min(tookMs, cpuMs) < atOnceMs && tookMs < onBusyMachineMs, `${name} took ${tookMs.toFixed(0)} ms; every resource is called in one tick`)
}
