import { appendFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'

/** One unit of work in a thread of piscina's. */
export async function resize(id) {
  appendFileSync(process.env.JOURNAL, `begun ${id}\n`)
  await setTimeout(Number(process.env.WORK_MS))
  appendFileSync(process.env.JOURNAL, `done ${id}\n`)
}
