/**
 * What lameduck is to reach, and whether it has in this run; `measured` is missing when it could not be measured. Fixed: it is the code
 * that has to change. `idle`: set for ten thousand idle connections, and says nothing with fewer.
 */
const goals = [
  { what: 'CPU per request, over bare', atMost: 1.01, measure: ({ cpu }) => cpu && { measured: cpu.ratio.lameduck?.median } },
  { what: 'heap of an idle connection, over bare, in bytes', atMost: 100, idle: true, measure: ({ memory }) => memory && { measured: memory.lameduck && memory.lameduck.heap.median - memory.bare.heap.median } },
  { what: 'exit after an answer right after the signal, idle connections open, in ms', atMost: 20, idle: true, measure: ({ exit }) => exit && whole(exit.answeredAtOnce.lameduck) },
  { what: 'exit after the last answer, 1,000 in flight at the signal, in ms', atMost: 20, measure: ({ exit }) => exit && whole(exit.manyLeft.lameduck) },
  { what: 'longest stall of the loop while idle connections are closed, in ms', atMost: 50, idle: true, measure: ({ exit }) => exit && { measured: longestStall(exit) } },
]

export function goalsOf(figures) {
  return goals.flatMap(({ what, atMost, idle = false, measure }) => {
    if (idle && figures.connections < 10_000) return []
    const result = measure(figures)
    if (result === undefined) return []
    const { measured } = result
    return [{ what, atMost, measured, met: measured !== undefined && measured <= atMost }]
  })
}

/** Fast does not count when an answer was cut, or when one of the processes stayed. */
function whole(departure) {
  return { measured: departure === undefined || departure.cut > 0 || departure.stuck > 0 ? undefined : departure.exitMs.median }
}

/** Of the departures that close idle connections while an answer is due. */
function longestStall({ answeredAtOnce, oneLeft }) {
  const medians = [answeredAtOnce, oneLeft].map(({ lameduck }) => lameduck?.stallMs?.median)
  return medians.includes(undefined) ? undefined : Math.max(...medians)
}
