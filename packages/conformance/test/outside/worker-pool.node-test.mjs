import { resourceSuite } from '@lameduck/conformance'
import { test } from 'node:test'
import { createPool } from './worker-pool.mjs'

resourceSuite({
  test,
  harness: {
    members: ['start', 'quiesce', 'inFlight', 'waitingFor', 'tally', 'force'],
    callers: 'here',
    afterQuiesce: 'refuses',
    create: () => createPool({ forgetsToEnd: process.env.MISTAKE === 'leak' }),
    dispose: (pool) => pool.end(),
    busy(pool) {
      const gate = new Int32Array(new SharedArrayBuffer(4))
      const run = pool.run(process.env.MISTAKE === 'harness' ? undefined : gate.buffer)
      return { outcome: run.then(() => 'finished', (error) => error), finish: () => void (Atomics.store(gate, 0, 1), Atomics.notify(gate, 0)) }
    },
    offer: (pool) => pool.run().then(() => true, (error) => error),
  },
  // The machine may be busy, and a thread takes a while to begin.
  slackMs: 1_000,
})
