import { equal, ok } from 'node:assert/strict'
import type { Called } from './trial.ts'

/** Longest time for a call that must return at once, in ms: a GC pause and a busy machine fit in. */
const atOnceMs = 250

/** `preStop` and `quiesce` of all resources are called in one tick. */
export function mustReturnAtOnce(name: 'preStop' | 'quiesce', { returned, tookMs }: Called): void {
  equal(returned, undefined, `${name} must return nothing: whatever it returns is not waited for`)
  ok(tookMs < atOnceMs, `${name} took ${tookMs.toFixed(0)} ms; every resource is called in one tick`)
}
