/** What lameduck is to reach, and whether it has in this run; `measured` is missing when it could not be measured. Fixed: it is the code that has to change. */
const goals = [
  { what: 'CPU per request, over bare', atMost: 1.01, measure: ({ cpu }) => cpu && { measured: cpu.ratio.lameduck?.median } },
  { what: 'heap of an idle connection, over bare, in bytes', atMost: 100, measure: ({ memory }) => memory && { measured: memory.lameduck && memory.lameduck.heap.median - memory.bare.heap.median } },
  { what: 'exit after the last answer, idle connections open at the signal, in ms', atMost: 20, measure: ({ exit }) => exit && whole(exit.oneLeft.lameduck) },
  { what: 'exit after the last answer, 1,000 in flight at the signal, in ms', atMost: 20, measure: ({ exit }) => exit && whole(exit.manyLeft.lameduck) },
  { what: 'longest stall of the loop while idle connections are closed, in ms', atMost: 50, measure: ({ exit }) => exit && { measured: exit.oneLeft.lameduck?.stallMs?.median } },
]

/** None with fewer connections than the goals are set for. */
export function goalsOf(figures) {
  if (figures.connections < 10_000) return []
  return goals.flatMap(({ what, atMost, measure }) => {
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
