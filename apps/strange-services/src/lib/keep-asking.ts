import { Agent } from 'node:http'
import type { Answer } from './ask.ts'
import type { Ledger } from './scenario.ts'

/**
 * So many clients that ask again and again, each on a connection that it keeps open, until the service refuses new ones. Each must have been
 * told to leave, by an answer that says `Connection: close`: then nothing of it can cross on the wire. In the ledger that is `told-<n>`.
 */
export async function untilTurnedAway(clients: number, question: (agent: Agent, client: number) => Promise<Answer>): Promise<Ledger> {
  const ids = Array.from({ length: clients }, (_, n) => `told-${n}`)
  const told = await Promise.all(ids.map(async (id, n) => ((await isTold((agent) => question(agent, n))) ? [id] : [])))
  return { accepted: ids, done: told.flat() }
}

async function isTold(question: (agent: Agent) => Promise<Answer>): Promise<boolean> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  let said: string | string[] | undefined
  try {
    for (;;) {
      const answer = await question(agent)
      if (answer.status === 0) return said === 'close'
      said = answer.headers['connection']
    }
  } finally {
    agent.destroy()
  }
}
