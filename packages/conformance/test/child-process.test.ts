import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { childProcess } from '@lameduck/core'
import { test } from 'vitest'
import { resourceSuite, type Harness, type Subject } from '../src/index.ts'

const program = fileURLToPath(new URL('programs/child.mjs', import.meta.url))
let units = 0

interface ChildSubject extends Subject {
  readonly child: ChildProcess
}

const isAlive = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode === null && signalCode === null

/** Resolves when the child says so; `'failed'` when it is gone. */
function said(child: ChildProcess, word: string, unit: number): Promise<'finished' | 'failed'> {
  return new Promise((resolve) => {
    if (!isAlive(child)) return resolve('failed')
    child.once('exit', () => resolve('failed'))
    child.on('message', (message: Record<string, unknown>) => message[word] === unit && resolve('finished'))
  })
}

async function kill(child: ChildProcess): Promise<void> {
  if (!isAlive(child)) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

const harness: Harness<ChildSubject> = {
  members: ['watch', 'quiesce', 'inFlight', 'waitingFor', 'tally', 'force'],
  async create() {
    const child = fork(program, { execArgv: [] })
    await once(child, 'message')
    return { child, resource: childProcess(child) }
  },
  dispose: ({ child }) => kill(child),
  // The child is what is in flight, whether it works on nothing or on two things.
  counts: () => 1,
  async busy({ child }) {
    const unit = (units += 1)
    const outcome = said(child, 'done', unit)
    const begun = said(child, 'begun', unit)
    child.send({ hold: unit })
    await begun
    return { outcome, finish: () => void (child.connected && child.send({ release: unit })) }
  },
  freeze: ({ child }) => void child.kill('SIGSTOP'),
  thaw: ({ child }) => void child.kill('SIGCONT'),
  kill: ({ child }) => kill(child),
  fail: ({ child }) => kill(child),
  end: ({ child }) => kill(child),
  connections: ({ child }) => (isAlive(child) ? 1 : 0),
}

resourceSuite({
  test,
  harness,
  slackMs: 1_000,
  harnessMs: 10_000,
  notApplicable: { 'drain with nothing in flight ends by itself, though the peer is frozen': 'a child is in flight as long as it lives' },
})
