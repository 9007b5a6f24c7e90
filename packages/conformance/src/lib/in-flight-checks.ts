import { show } from '@lameduck/core'
import { equal, fail, ok } from 'node:assert/strict'
import type { Check } from './check.ts'
import { drainUsed } from './drain-used.ts'
import { eventually } from './settle.ts'
import type { Trial } from './trial.ts'

export const inFlightChecks: readonly Check[] = [
  {
    name: 'inFlight is truthful',
    needs: ['resource.inFlight', 'harness.busy'],
    async run(trial) {
      await mustCount(trial, 0, 'before the start')
      await trial.ready()
      await mustCount(trial, 0, 'when idle')
      const first = await trial.busy()
      await mustCount(trial, 1, 'with one unit of work')
      await trial.finish(first)
      await mustCount(trial, 0, 'when that had finished')
      const works = await trial.busyTwice()
      await mustCount(trial, works.length, `with ${works.length} units of work`)
      trial.quiesce()
      await mustCount(trial, works.length, `with ${works.length} units of work, when quiesced`)
      const draining = trial.drain()
      await mustCount(trial, works.length, `with ${works.length} units of work, while it drains`)
      for (const [index, work] of works.entries()) {
        await trial.finish(work)
        if (index + 1 < works.length) await mustCount(trial, works.length - index - 1, 'while it drains, when one had finished')
      }
      await draining.settled(trial.bounds.settleMs)
      equal(await countWithin(trial, 0), 0, 'inFlight() must be 0 when it has drained')
    },
  },
  {
    name: 'waitingFor tells what is in flight, and nothing when nothing is',
    needs: ['resource.waitingFor', 'harness.busy'],
    async run(trial) {
      await mustName(trial, 0, 'before the start')
      await trial.ready()
      await mustName(trial, 0, 'when idle')
      const works = await trial.busyTwice()
      await mustName(trial, works.length, `with ${works.length} in flight`)
      trial.quiesce()
      const draining = trial.drain()
      for (const [index, work] of works.entries()) {
        await mustName(trial, works.length - index, `with ${works.length - index} in flight, while it drains`)
        await trial.finish(work)
      }
      await draining.settled(trial.bounds.settleMs)
      await mustNameNothing(trial, 'when it has drained')
    },
  },
  {
    name: 'lastArrival tells when work last came after quiesce',
    needs: ['resource.lastArrival', 'harness.offer that serves after quiesce'],
    async run(trial) {
      await trial.ready()
      trial.quiesce()
      const before = performance.now()
      await trial.offer()
      const first = trial.resource.lastArrival?.()
      ok(isBetween(first, before), `lastArrival() must be the performance.now() of the work that came ${(performance.now() - before).toFixed(0)} ms ago or later; it is ${String(first)}`)
      const between = performance.now()
      await trial.offer()
      const second = trial.resource.lastArrival?.()
      ok(isBetween(second, between), `lastArrival() must have moved to the newest work; it stayed at ${String(second)}`)
    },
  },
  {
    name: 'unfinished tells a number whenever its step may be over: never started, drained, cut',
    needs: ['resource.unfinished'],
    async run(trial) {
      mustTellLeft(trial, 'before the start')
      await trial.ready()
      await drainUsed(trial)
      mustTellLeft(trial, 'when it has drained')
      await trial.force()
      mustTellLeft(trial, 'when it was cut')
    },
  },
]

/** What the engine cannot read counts as work left: the Job would run again for ever. */
function mustTellLeft({ resource }: Trial, when: string): void {
  let left: unknown
  try {
    left = resource.unfinished?.()
  } catch (error) {
    fail(`unfinished() threw ${when}: ${String(error)}`)
  }
  ok(typeof left === 'number' && left >= 0, `unfinished() ${when} must be a number, at least 0; it is ${show(left)}`)
}

function isBetween(arrival: number | undefined, after: number): boolean {
  return typeof arrival === 'number' && arrival >= after && arrival <= performance.now()
}

/** How many texts is the resource's choice: it may put alike ones together. */
async function mustName(trial: Trial, units: number, when: string): Promise<void> {
  if (trial.counts(units) === 0) return mustNameNothing(trial, when)
  const texts = await textsWithin(trial, (now) => now.length > 0)
  ok(Array.isArray(texts) && texts.length > 0, `waitingFor() ${when} must have at least one text; it stayed at ${JSON.stringify(texts)}`)
  for (const text of texts) ok(typeof text === 'string' && text.trim() !== '', `waitingFor() must have texts; one is ${JSON.stringify(text)}`)
}

async function mustNameNothing(trial: Trial, when: string): Promise<void> {
  const texts = await textsWithin(trial, (now) => now.length === 0)
  equal(texts.length, 0, `waitingFor() ${when} must be empty; it stayed at ${JSON.stringify(texts)}`)
}

function textsWithin({ resource, bounds }: Trial, isDone: (texts: readonly unknown[]) => boolean): Promise<readonly unknown[]> {
  return eventually(() => resource.waitingFor?.() ?? [], isDone, bounds.settleMs)
}

async function mustCount(trial: Trial, units: number, when: string): Promise<void> {
  const expected = trial.counts(units)
  const count = await countWithin(trial, expected)
  equal(count, expected, `inFlight() ${when} must be ${expected}; it stayed at ${String(count)}`)
}

function countWithin({ resource, bounds }: Trial, expected: number): Promise<number | undefined> {
  return eventually(() => resource.inFlight?.(), (now) => now === expected, bounds.settleMs)
}
