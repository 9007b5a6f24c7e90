import { fail } from 'node:assert/strict'
import type { Draining } from './trial.ts'

/** @param which drain it is, such as `that is used in loops` */
export async function mustFulfil(draining: Draining, ms: number, which: string): Promise<void> {
  const settled = await draining.settled(ms)
  if (settled.kind === 'rejected') fail(`drain ${which} rejected: ${String(settled.error)}`)
  if (settled.kind === 'pending') fail(`drain ${which} was still pending after ${ms} ms`)
}
