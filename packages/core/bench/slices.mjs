import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { median } from './measure.mjs'

/**
 * Measures several programs in short slices in turns, each time in another order. A slice is compared with the slices of `bare` of the
 * same turn, so that whatever else the machine does hits both alike; the figure is the median of these ratios. `ofTotals` compares the sums
 * instead: noisier, but it has the garbage collections that most slices are without.
 *
 * @param {readonly string[]} programs names; the measured ones are `bare`, these, and `bare` once more
 * @param {(index: number) => Promise<number>} measure one slice of the program at this index of the measured ones
 * @returns {Promise<{ ratio: Record<string, number>, ofTotals: Record<string, number>, bare: number }>} both also have `bare again`, the
 *   second `bare` compared with the first, which shows what is noise; `bare` is the median figure of both
 */
export async function inSlices(programs, slices, measure) {
  const figures = ['bare', ...programs, 'bare'].map(() => [])
  for (let slice = 0; slice < slices; slice += 1) {
    for (const index of shuffled(figures.length)) figures[index].push(await measure(index))
  }
  const bare = [figures[0], figures.at(-1)]
  // To each of the two by itself: the mean of two is less often low than one, which would make everything look cheaper.
  const compare = (ratio) => ({
    ...Object.fromEntries(programs.map((name, index) => [name, bare.reduce((total, one) => total + ratio(figures[index + 1], one) / bare.length, 0)])),
    'bare again': ratio(bare[1], bare[0]),
  })
  return {
    ratio: compare((own, to) => median(own.map((figure, slice) => figure / to[slice]))),
    ofTotals: compare((own, to) => sum(own) / sum(to)),
    bare: median(bare.flat()),
  }
}

/** Binds a process to the last core, where Linux lets it. Returns whether it could. */
export function pin(pid) {
  try {
    execFileSync('taskset', ['-acp', String(availableParallelism() - 1), String(pid)], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** The numbers below `count` in any order: in a fixed one, or in one and its reverse, somebody always comes after the same other. */
function shuffled(count) {
  return Array.from({ length: count }, (_, index) => ({ index, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ index }) => index)
}

function sum(figures) {
  return figures.reduce((total, figure) => total + figure)
}
