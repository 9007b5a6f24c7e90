import { deepEqual } from 'node:assert/strict'
import { blame, callHarness, requireSubject } from './call-harness.ts'
import { drainUsed } from './drain-used.ts'
import type { Harness, Subject } from './harness.ts'
import { createTrial, type Bounds, type Trial } from './trial.ts'
import { collectUnhandled } from './unhandled.ts'
import { watchProcess } from './watch-process.ts'

/** Runs one check, or whatever else is to be done with a trial, on a new subject. What went wrong with the harness is told before what the check found. */
export async function runCheck<S extends Subject>(run: (trial: Trial) => Promise<void>, harness: Harness<S>, bounds: Bounds, used: WeakSet<object>): Promise<void> {
  const unhandled = collectUnhandled()
  try {
    const subject = await callHarness('create', () => harness.create(), bounds.harnessMs)
    const failures: unknown[] = []
    const attempt = async (action: () => Promise<void>): Promise<void> => {
      try {
        await action()
      } catch (error) {
        failures.push(error)
      }
    }
    await attempt(async () => {
      requireSubject(subject, used)
      await tryOut(run, harness, subject, bounds)
      deepEqual(await unhandled.take(), [], 'errors that nobody listens for: they would end the process before its report')
    })
    await unhandled.take()
    await attempt(() => callHarness('dispose', async () => harness.dispose(subject), bounds.harnessMs))
    const late = await unhandled.take()
    if (late.length > 0) failures.push(blame(`dispose() left errors that nobody handles: ${late.join('; ')}`))
    if (failures.length > 0) throw failures[0]
  } finally {
    unhandled.end()
  }
}

async function tryOut<S extends Subject>(run: (trial: Trial) => Promise<void>, harness: Harness<S>, subject: S, bounds: Bounds): Promise<void> {
  const watch = await watchProcess()
  const trial = createTrial(harness, subject, bounds, watch)
  try {
    await run(trial)
  } catch (error) {
    throw trial.mistakes.length > 0 ? blameFor(trial, error) : error
  } finally {
    watch.end()
  }
  if (trial.mistakes.length > 0) throw blameFor(trial)
}

function blameFor({ mistakes }: Trial, cause?: unknown): Error {
  return blame([...new Set(mistakes)].join('; its '), cause)
}

/**
 * What the other checks cannot see, since they begin when the subject is there: a timer that its construction began. The
 * first subject is for what the harness itself opens once and for all.
 */
export async function runWholeLife<S extends Subject>(harness: Harness<S>, bounds: Bounds, used: WeakSet<object>): Promise<void> {
  const live = async (trial: Trial): Promise<void> => {
    await trial.ready()
    await drainUsed(trial)
  }
  await runCheck(live, harness, bounds, used)
  const watch = await watchProcess()
  try {
    await runCheck(live, harness, bounds, used)
    deepEqual(await watch.left(bounds.settleMs), [], 'still active in the process when it has drained and is disposed of; what create() opened, drain or dispose must release')
  } finally {
    watch.end()
  }
}
