import { inTurns, spread } from '../../packages/core/bench/measure.mjs'
import { using } from '../../packages/core/bench/process.mjs'
import { inSlices, pin } from '../../packages/core/bench/slices.mjs'
import { start } from './start.mjs'

const slices = 41

/**
 * CPU time that an operation costs the process, as a ratio to the bare client's: of each operation, in every round with fresh processes.
 *
 * @returns {Promise<Record<string, { bareUs: number, ratio: Record<string, object>, ofTotals: Record<string, object> }>>} by operation
 */
export async function overhead(name, url, { programs, operations, options }, rounds, onRound) {
  const { all } = await inTurns({ all: () => oneRound(name, url, { programs, operations, options }) }, rounds, onRound)
  return Object.fromEntries(
    Object.keys(operations).map((operation) => {
      const ofRounds = (figure) =>
        Object.fromEntries([...programs, 'bare again'].map((program) => [program, spread(all.map((round) => round[operation][figure][program]))]))
      return [operation, { bareUs: spread(all.map((round) => round[operation].bare)).median, ratio: ofRounds('ratio'), ofTotals: ofRounds('ofTotals') }]
    }),
  )
}

function oneRound(name, url, { programs, operations, options }) {
  const starting = ['bare', ...programs, 'bare'].map((program) => start(name, program, url, options))
  return using(starting, async (processes) => {
    for (const { pid } of processes) pin(pid)
    const figures = {}
    for (const [operation, count] of Object.entries(operations)) {
      const work = (index, part = 1) => processes[index].ask('work', { operation, count: count * part })
      for (const index of processes.keys()) await work(index, 5)
      figures[operation] = await inSlices(programs, slices, async (index) => {
        // Whoever worked before has left its own in the caches.
        await work(index, 0.2)
        return work(index)
      })
    }
    return figures
  })
}
