import { trackedWork, type TrackedWork } from '@lameduck/core'
import { test } from 'vitest'
import { resourceSuite, type Subject } from '../src/index.ts'

interface WorkSubject extends Subject {
  readonly jobs: TrackedWork
  /** Of what is under way: makes it fail. */
  readonly failures: Set<(error: Error) => void>
}

resourceSuite<WorkSubject>({
  test,
  harness: {
    members: ['watch', 'quiesce', 'inFlight', 'waitingFor', 'tally', 'force'],
    callers: 'here',
    afterQuiesce: 'serves',
    create() {
      const jobs = trackedWork('jobs')
      return { jobs, resource: jobs, failures: new Set() }
    },
    dispose: ({ failures }) => failures.forEach((fail) => fail(new Error('disposed'))),
    busy({ jobs, failures }) {
      let finish = (): void => {}
      const run = jobs.run(
        () =>
          new Promise<void>((resolve, reject) => {
            finish = resolve
            failures.add(reject)
          }),
      )
      return { outcome: run.then(() => 'finished' as const, (error: Error) => error), finish: () => finish() }
    },
    fail: ({ failures }) => failures.forEach((fail) => fail(new Error('the job failed'))),
    offer: ({ jobs }) => jobs.run(async () => {}).then(() => true, (error: Error) => error),
  },
})
