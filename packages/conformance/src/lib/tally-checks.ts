import { equal, fail, ok } from 'node:assert/strict'
import type { Check } from './check.ts'
import { callLoops } from './call-loops.ts'
import { endDrain } from './end-drain.ts'
import { countsOf, mustTally, readTally } from './must-tally.ts'
import { eventually, pause, settle } from './settle.ts'
import { ownDrainMs, type Trial } from './trial.ts'
import { useOnce } from './use-once.ts'

export const tallyChecks: readonly Check[] = [
  {
    name: 'tally counts nothing before quiesce',
    needs: ['resource.tally', 'harness.busy'],
    async run(trial) {
      mustTally(trial, {}, 'before the start')
      await trial.ready()
      mustTally(trial, {}, 'when idle')
      await trial.finish(await trial.busy())
      await pause(trial.bounds.watchMs)
      mustTally(trial, {}, 'when work had finished before quiesce')
      trial.quiesce()
      mustTally(trial, {}, 'at quiesce, with nothing in flight')
    },
  },
  {
    name: 'tally tells as done what finishes in the drain',
    needs: ['resource.tally', 'harness.busy'],
    async run(trial) {
      await trial.ready()
      const works = await trial.busyTwice()
      trial.quiesce()
      const draining = trial.drain()
      for (const work of works) await trial.finish(work)
      await draining.settled(trial.bounds.settleMs)
      mustTally(trial, { done: trial.counts(works.length) }, 'when it has drained')
    },
  },
  {
    name: 'tally tells as done what is served between quiesce and drain',
    needs: ['resource.tally', 'harness.offer that serves after quiesce'],
    async run(trial) {
      await trial.ready()
      await useOnce(trial)
      trial.quiesce()
      await useOnce(trial)
      await useOnce(trial)
      await eventually(() => readTally(trial).done, (done) => done === 2, trial.bounds.settleMs)
      mustTally(trial, { done: 2 }, 'when two units were served after quiesce, and one before')
      await trial.drain().settled(trial.bounds.settleMs)
      mustTally(trial, { done: 2 }, 'when it has drained')
    },
  },
  {
    name: 'tally tells as failed, and why, what fails in the drain',
    needs: ['resource.tally', 'harness.busy', 'harness.fail'],
    async run(trial) {
      await trial.ready()
      const works = await trial.busyTwice()
      const { draining, left } = await drainSome(trial, works)
      await trial.fail()
      for (const work of left) await mustFail(trial, work)
      await endDrain(trial, draining, ownDrainMs(trial.bounds))
      const failed = trial.counts(left.length)
      mustTally(trial, { done: trial.counts(works.length) - failed, failed }, 'when work had failed while it drained')
      ok(readTally(trial).reasons.length > 0, 'tally().reasons must tell why work failed; it is empty')
    },
  },
  {
    name: 'tally tells as cut, once, what force ends',
    needs: ['resource.tally', 'resource.force', 'harness.busy'],
    async run(trial) {
      await trial.ready()
      const works = await trial.busyTwice()
      const { draining, left } = await drainSome(trial, works)
      draining.abort()
      await trial.force()
      const cut = trial.counts(left.length)
      const expected = { done: trial.counts(works.length) - cut, cut }
      mustTally(trial, expected, 'as soon as force has settled')
      for (const work of left) await trial.finish(work)
      await trial.force()
      await pause(trial.bounds.watchMs)
      mustTally(trial, expected, 'a while after force, when that was called again')
    },
  },
  {
    name: 'tally counts once what a frozen peer answers after the cut',
    needs: ['resource.tally', 'resource.force', 'harness.busy', 'harness.freeze'],
    async run(trial) {
      await trial.ready()
      const works = await trial.busyTwice()
      await trial.freeze()
      trial.quiesce()
      trial.drain().abort()
      await trial.force()
      mustAccountFor(trial, works.length, 'after force with a frozen peer')
      await trial.thaw()
      for (const work of works) await trial.finish(work)
      await pause(trial.bounds.watchMs)
      mustAccountFor(trial, works.length, 'after force, when the frozen peer answers again')
    },
  },
  {
    name: 'tally counts every unit once, and none as done, when the peer dies in the drain',
    needs: ['resource.tally', 'harness.busy', 'harness.kill'],
    async run(trial) {
      await trial.ready()
      const works = await trial.busyTwice()
      trial.quiesce()
      const draining = trial.drain()
      await trial.kill()
      await endDrain(trial, draining, trial.bounds.watchMs)
      mustAccountFor(trial, works.length, 'when the peer had died in the drain')
    },
  },
  {
    name: 'tally tells as refused, and of what, what comes after the close',
    needs: ['resource.tally', 'harness.offer', 'harness.callers here'],
    async run(trial) {
      await trial.ready()
      trial.quiesce()
      await trial.drain().settled(trial.bounds.settleMs)
      await useOnce(trial)
      mustTally(trial, { refused: 1 }, 'when one unit was offered after the drain')
      await trial.force()
      await useOnce(trial)
      mustTally(trial, { refused: 2 }, 'when one unit was offered after the drain, and one after force')
      ok(readTally(trial).reasons.length > 0, 'tally().reasons must tell what was refused; it is empty')
    },
  },
  {
    name: 'tally and callers agree on what loops do that go on through the drain: done, or refused as closed',
    needs: ['resource.tally', 'harness.offer that serves after quiesce', 'harness.callers here'],
    async run(trial) {
      await trial.ready()
      trial.quiesce()
      const loops = callLoops(trial)
      await endDrain(trial, trial.drain(), ownDrainMs(trial.bounds))
      const { done, closed, others } = await loops.end()
      if (others.length > 0) fail(`calls of a loop that went on through the drain were neither done nor refused with the error closed: ${others.slice(0, 3).join('; ')}`)
      mustTally(trial, { done, refused: closed }, 'when loops had gone on through the drain')
    },
  },
]

/** Drains, and lets one of two units finish. */
async function drainSome(trial: Trial, works: Awaited<ReturnType<Trial['busyTwice']>>): Promise<{ draining: ReturnType<Trial['drain']>; left: typeof works }> {
  trial.quiesce()
  const draining = trial.drain()
  const [first, second] = works
  if (!second) return { draining, left: works }
  await trial.finish(first)
  // What answers elsewhere may be heard of here a moment later.
  const done = trial.counts(2) - trial.counts(1)
  await eventually(() => readTally(trial).done, (now) => now === done, trial.bounds.settleMs)
  return { draining, left: [second] }
}

async function mustFail(trial: Trial, work: { readonly outcome: Promise<string> }): Promise<void> {
  const { settleMs } = trial.bounds
  const ended = await settle(() => work.outcome, settleMs)
  equal(ended.kind === 'fulfilled' && ended.value, 'failed', `work that was made to fail had not failed ${settleMs} ms later: its caller waits for ever, or harness.fail does not reach it`)
}

/** Whatever they are called, they are as many as there were, and none is done. */
function mustAccountFor(trial: Trial, units: number, when: string): void {
  const { done, failed, cut, unknown } = readTally(trial)
  equal(done, 0, `tally() ${when} must have nothing done; it has ${countsOf(trial)}`)
  equal(failed + cut + unknown, trial.counts(units), `tally() ${when} must have ${trial.counts(units)} failed, cut or unknown; it has ${countsOf(trial)}`)
}
