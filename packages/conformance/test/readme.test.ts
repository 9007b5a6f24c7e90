import { resourceSuite } from '@lameduck/conformance'
import { once } from 'node:events'
import { test } from 'vitest'
import { createJobRunner, type JobRunner } from './job-runner.ts'

resourceSuite({
  test,
  harness: {
    members: ['quiesce', 'inFlight', 'force'],
    afterQuiesce: 'refuses',
    create: () => createJobRunner(),
    dispose: (jobs) => jobs.cancelAll(),
    busy(jobs: JobRunner) {
      const job = new AbortController()
      const run = jobs.run(async (cancelled) => void (await once(AbortSignal.any([cancelled, job.signal]), 'abort')))
      return { outcome: run.then(() => 'finished', () => 'failed'), finish: () => job.abort() }
    },
    offer: (jobs: JobRunner) => jobs.run(async () => {}).then(() => true, () => false),
  },
})
