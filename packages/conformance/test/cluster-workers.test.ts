import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { clusterWorkers, type ClusterLike } from '@lameduck/core'
import { beforeAll, test } from 'vitest'
import { resourceSuite, type Harness, type Subject } from '../src/index.ts'

beforeAll(() => cluster.setupPrimary({ exec: fileURLToPath(new URL('programs/worker.mjs', import.meta.url)), execArgv: [] }))

/** A worker is one unit of work: it stays until it is told that its work is done, and `SIGTERM` does not hurry it. */
interface ClusterSubject extends Subject {
  readonly workers: Map<number, Worker>
  readonly fork: (kind: 'stays' | 'leaves') => Worker
  readonly forget: () => void
}

/** The part of this process's cluster that one subject sees: a cluster cannot be created. */
function createPart(): ClusterSubject {
  const workers = new Map<number, Worker>()
  const listeners: ((worker: Worker) => void)[] = []
  const part: ClusterLike = {
    isPrimary: true,
    get workers() {
      return Object.fromEntries(workers)
    },
    on(event, listener) {
      const onOwn = (worker: Worker): void => void (workers.has(worker.id) && listener(worker))
      listeners.push(onOwn)
      cluster.on(event, onOwn)
    },
  }
  return {
    workers,
    resource: clusterWorkers(part),
    fork(kind) {
      const worker = cluster.fork({ KIND: kind })
      workers.set(worker.id, worker)
      worker.once('exit', () => workers.delete(worker.id))
      return worker
    },
    forget: () => listeners.forEach((listener) => cluster.off('fork', listener)),
  }
}

const ended = async (worker: Worker): Promise<'finished' | 'failed'> => ((await once(worker, 'exit'))[0] === 0 ? 'finished' : 'failed')

async function killAll({ workers }: ClusterSubject): Promise<void> {
  await Promise.all(
    [...workers.values()].map((worker) => {
      worker.process.kill('SIGKILL')
      return once(worker, 'exit')
    }),
  )
}

function signal({ workers }: ClusterSubject, name: 'SIGSTOP' | 'SIGCONT'): void {
  for (const worker of workers.values()) worker.process.kill(name)
}

const harness: Harness<ClusterSubject> = {
  members: ['watch', 'quiesce', 'inFlight', 'waitingFor', 'tally', 'force'],
  afterQuiesce: 'serves',
  create: createPart,
  async dispose(subject) {
    await killAll(subject)
    subject.forget()
  },
  async busy({ fork }) {
    const worker = fork('stays')
    const outcome = ended(worker)
    await once(worker, 'message')
    return { outcome, finish: () => void (worker.isConnected() && worker.send('done')) }
  },
  offer: async ({ fork }) => (await ended(fork('leaves'))) === 'finished',
  freeze: (subject) => signal(subject, 'SIGSTOP'),
  thaw: (subject) => signal(subject, 'SIGCONT'),
  kill: killAll,
  fail: killAll,
}

const another = 'a worker that is forked later is another process'

resourceSuite({
  test,
  harness,
  slackMs: 1_000,
  harnessMs: 10_000,
  notApplicable: { 'the harness: nothing is served by a frozen peer': another, 'the harness: nothing is served by a dead peer': another },
})
