import { spread } from '../../core/bench/measure.mjs'
import { patienceMs } from './exit.mjs'

/** The figures for people. */
export function table({ node, rounds, connections, cpu, memory, exit, goals }) {
  const idle = `${connections.toLocaleString('en')} idle connections`
  return [
    `@lameduck/http on Node ${node.slice(1)}, medians of ${rounds} rounds, in brackets where the middle half of them lies`,
    ...(cpu ? cpuRows(cpu) : []),
    ...(memory ? memoryRows(memory, idle) : []),
    ...(exit
      ? [
          ...exitRows(exit.answeredAtOnce, `from the last answer to the end of the process, ${idle} and one request in flight at SIGTERM, answered right after it, in ms`),
          ...exitRows(exit.oneLeft, 'the same, with the request answered only after all idle connections were closed, in ms'),
          ...exitRows(exit.manyLeft, 'from the last answer to the end of the process, 1,000 requests in flight at SIGTERM, in ms'),
          ...exitRows(exit.noneLeft, `from SIGTERM to the end of the process, ${idle} and nothing in flight, no lame duck, in ms`),
          ...stallRows(exit.answeredAtOnce, `longest stall of the loop after SIGTERM, ${idle} and one request in flight, answered right after it, in ms`),
          ...stallRows(exit.oneLeft, 'the same, with the request answered only after all idle connections were closed, in ms'),
        ]
      : []),
    ...(goals.length > 0 ? ['', 'goals'] : []),
    ...goals.map(({ what, atMost, measured, met }) => `  ${what}: ${measured === undefined ? 'not measured' : round(measured)}, goal ${atMost} or less: ${met ? 'met' : 'not met'}`),
  ].join('\n')
}

function cpuRows({ bareUs, pinned, ratio, ofTotals }) {
  const note = pinned ? '' : ' (no taskset here: the processes are not bound to one core, so there is more noise)'
  const text = (value) => value.toFixed(3)
  const rounds = ratio['bare again'].all.length
  const rows = Object.entries(ratio).map(([name, figures]) => {
    const line = row(name === 'bare again' ? 'bare again, the noise' : name, figures, text)
    return `${line}, of the totals ${text(ofTotals[name].median)}`
  })
  return ['', `CPU per request, ${rounds} rounds, over the ${bareUs.toFixed(1)} µs of the bare server${note}`, ...rows]
}

function memoryRows({ bare, ...others }, idle) {
  const rows = Object.entries(others).map(([name, { heap }]) => row(name, heap, (value) => (value - bare.heap.median).toFixed(0)))
  const noise = row('bare, the noise', bare.heap, (value) => (value - bare.heap.median).toFixed(0))
  return ['', `heap of one of ${idle}, over the ${bare.heap.median.toFixed(0)} bytes of the bare server, in bytes`, ...rows, noise]
}

function exitRows(programs, title) {
  const rows = Object.entries(programs).map(([name, { cut, stuck, exitMs, ownMs, wholeMs }]) => {
    if (cut > 0) return fact(name, `cut ${cut === 1 ? 'a request' : `up to ${cut} requests`}`)
    if (stuck > 0) return fact(name, `was still there after ${patienceMs / 1_000} s${exitMs ? ` in ${stuck} of ${stuck + exitMs.all.length} rounds, else ${exitMs.median.toFixed(1)}` : ''}`)
    const fromSignal = wholeMs.median === exitMs.median ? '' : `, from SIGTERM ${wholeMs.median.toFixed(1)}`
    return `${row(name, exitMs, (value) => value.toFixed(1))}, until process.exit() ${ownMs.median.toFixed(1)}${fromSignal}`
  })
  return ['', title, ...rows]
}

function stallRows(programs, title) {
  const text = (value) => value.toFixed(1)
  const rows = Object.entries(programs).map(([name, { stallMs }]) => (stallMs ? row(name, stallMs, text) : fact(name, 'not known')))
  const calm = spread(Object.values(programs).flatMap(({ calmMs }) => calmMs.all))
  return ['', title, ...rows, row('before SIGTERM, the noise', calm, text)]
}

function row(name, { median, from, to }, text) {
  return `  ${name.padEnd(27)}${text(median).padStart(8)}  (${text(from)} to ${text(to)})`
}

function fact(name, text) {
  return `  ${name.padEnd(29)}${text}`
}

function round(value) {
  return String(Number(value.toFixed(value < 10 ? 3 : 1)))
}
