import { appendFileSync, readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { bindProcess, createLifecycle, type Lifecycle } from '@lameduck/core'

const journal = process.env['JOURNAL'] ?? ''
const workMs = Number(process.env['WORK_MS'])

export const lifecycle: Lifecycle = createLifecycle({ policy: { graceMs: 10_000 } })

/** One unit of work, which is on the record when it begins and when it is done. */
export async function handle(unit: unknown): Promise<void> {
  appendFileSync(journal, `begun ${String(unit)}\n`)
  await setTimeout(workMs)
  if (process.env['FAILS'] !== undefined) throw new Error('out of stock')
  appendFileSync(journal, `done ${String(unit)}\n`)
}

/** Becomes ready, begins work, and leaves by SIGTERM when so much of it is under way. */
export async function live(begin: () => unknown, units: number): Promise<void> {
  const bound = bindProcess(lifecycle)
  // Something that keeps the process alive, as a server does.
  setInterval(() => {}, 60_000)
  await bound.ready()
  await begin()
  while (begun() < units) await setTimeout(5)
  process.kill(process.pid, 'SIGTERM')
}

function begun(): number {
  return readFileSync(journal, 'utf8').split('\n').filter((line) => line.startsWith('begun')).length
}
