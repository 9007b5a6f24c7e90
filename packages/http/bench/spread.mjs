import { median } from '../../core/bench/measure.mjs'

/** The median, and where the middle half of the figures lies; `undefined` when there are none. */
export function spread(values) {
  if (values.length === 0) return undefined
  const sorted = values.toSorted((a, b) => a - b)
  return { median: median(values), from: sorted[Math.floor((sorted.length - 1) / 4)], to: sorted[Math.ceil(((sorted.length - 1) * 3) / 4)], all: values }
}
