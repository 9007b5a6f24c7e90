import { equal, ok } from 'node:assert/strict'
import type { Check } from './check.ts'
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
    name: 'waitingFor has a text for each unit of work in flight',
    needs: ['resource.waitingFor', 'harness.busy'],
    async run(trial) {
      const { settleMs } = trial.bounds
      await trial.ready()
      const works = await trial.busyTwice()
      const expected = trial.counts(works.length)
      const texts = (): readonly unknown[] => trial.resource.waitingFor?.() ?? []
      const named = await eventually(texts, ({ length }) => length === expected, settleMs)
      equal(named.length, expected, `waitingFor() must have ${expected} texts with ${works.length} units of work in flight; it has ${JSON.stringify(named)}`)
      for (const text of named) ok(typeof text === 'string' && text.trim() !== '', `waitingFor() must have texts; one is ${JSON.stringify(text)}`)
      trial.quiesce()
      const draining = trial.drain()
      for (const work of works) await trial.finish(work)
      await draining.settled(settleMs)
      const left = await eventually(texts, ({ length }) => length === 0, settleMs)
      equal(left.length, 0, `waitingFor() must be empty when it has drained; it has ${JSON.stringify(left)}`)
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
]

function isBetween(arrival: number | undefined, after: number): boolean {
  return typeof arrival === 'number' && arrival >= after && arrival <= performance.now()
}

async function mustCount(trial: Trial, units: number, when: string): Promise<void> {
  const expected = trial.counts(units)
  const count = await countWithin(trial, expected)
  equal(count, expected, `inFlight() ${when} must be ${expected}; it stayed at ${String(count)}`)
}

function countWithin({ resource, bounds }: Trial, expected: number): Promise<number | undefined> {
  return eventually(() => resource.inFlight?.(), (now) => now === expected, bounds.settleMs)
}
