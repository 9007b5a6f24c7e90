import { Agent, request } from 'node:http'
import { onTestFinished } from 'vitest'

/** How many requests were answered in whole, and why the others were not. */
export interface Tally {
  answered: number
  readonly lost: string[]
}

/** An answer that has not come by then never will. */
const patienceMs = 5_000

/**
 * Clients that ask again as soon as they have their answer, each on its own kept-alive connection, without repeating
 * anything, until `stop()`; it resolves when the last answer is in.
 */
export function askForEver(port: number, clients: number): { readonly tally: Tally; stop(): Promise<void> } {
  const agent = new Agent({ keepAlive: true, maxSockets: clients })
  const tally: Tally = { answered: 0, lost: [] }
  let over = false
  // Also when the test fails before it stops them.
  onTestFinished(() => {
    over = true
    agent.destroy()
  })
  const ask = (): Promise<void> =>
    new Promise((resolve) => {
      const lose = (error: NodeJS.ErrnoException): void => {
        tally.lost.push(error.code ?? error.message)
        resolve()
      }
      const asked = request({ port, host: '127.0.0.1', agent })
      const impatience = setTimeout(() => asked.destroy(new Error('never answered')), patienceMs)
      asked
        .on('close', () => clearTimeout(impatience))
        .on('response', (response) => {
          response.resume().on('error', lose)
          response.on('end', () => {
            tally.answered += 1
            resolve()
          })
        })
        .on('error', lose)
        .end()
    })
  const work = async (): Promise<void> => {
    while (!over) await ask()
  }
  const done = Promise.all(Array.from({ length: clients }, work))
  return {
    tally,
    async stop() {
      over = true
      await done
    },
  }
}
