import type { Sample } from './replica.ts'

/** Growth that is noise, of each figure: as a part of what it was, and beside that. */
const allowed = { rssMb: { part: 0.25, and: 40 }, heapMb: { part: 0.2, and: 8 }, fds: { part: 0.1, and: 8 }, listeners: { part: 0, and: 2 } } as const
const warmUpMs = 20_000
const blocks = '▁▂▃▄▅▆▇█'

export const figures = Object.keys(allowed) as readonly (keyof typeof allowed)[]

/** What has grown: the median of the last third above that of the first, after 20 s of warming up, by more than noise. */
export function grown(samples: readonly Sample[]): string[] {
  const warm = samples.filter(({ atMs }) => atMs >= warmUpMs)
  const third = Math.floor(warm.length / 3)
  if (third === 0) return ['there are too few samples to tell whether anything grows: run for longer']
  return figures.flatMap((figure) => {
    const before = median(warm.slice(0, third).map((each) => each[figure]))
    const after = median(warm.slice(-third).map((each) => each[figure]))
    const most = before * (1 + allowed[figure].part) + allowed[figure].and
    return after > most ? [`${figure} has grown from ${before.toFixed(1)} to ${after.toFixed(1)}, of ${most.toFixed(1)} allowed`] : []
  })
}

/** A line of blocks between the least and the most. */
export function picture(samples: readonly Sample[], figure: keyof typeof allowed): string {
  const every = Math.max(1, Math.ceil(samples.length / 80))
  const values = samples.filter((_, index) => index % every === 0).map((each) => each[figure])
  const least = Math.min(...values)
  const most = Math.max(...values)
  const line = values.map((value) => blocks[most === least ? 0 : Math.round(((value - least) / (most - least)) * 7)]).join('')
  return `${figure.padEnd(10)} ${line}  ${least.toFixed(1)} to ${most.toFixed(1)}`
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
