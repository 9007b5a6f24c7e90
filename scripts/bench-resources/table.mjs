/** The figures for people. */
export function table({ node, rounds, clients, goals }) {
  return [
    `The adapters on Node ${node.slice(1)}, medians of ${rounds} rounds, in brackets where the middle half of them lies`,
    ...Object.entries(clients).flatMap(([name, { overhead, leaving }]) => [
      ...Object.entries(overhead ?? {}).flatMap(([operation, figures]) => overheadRows(name, operation, figures)),
      ...(leaving ? leavingRows(name, leaving) : []),
    ]),
    '',
    'goals',
    ...goals.map(({ what, atMost, measured, met }) => `  ${what}: ${measured === undefined ? 'not reached' : Number(measured.toFixed(3))}, goal ${atMost} or less: ${met ? 'met' : 'not met'}`),
  ].join('\n')
}

function overheadRows(name, operation, { bareUs, ratio, ofTotals }) {
  const text = (value) => value.toFixed(3)
  const rows = Object.entries(ratio).map(([program, figures]) => {
    const label = { traced: 'with traceCheckouts', 'bare again': 'bare again, the noise' }[program] ?? program
    return `${row(label, figures, text)}, of the totals ${text(ofTotals[program].median)}`
  })
  return ['', `${name}: CPU of one ${operation}, over the ${bareUs.toFixed(1)} µs of the bare client`, ...rows]
}

function leavingRows(name, { idle, busy, frozen }) {
  return [
    ...rowsOf(`${name}: leaving while idle, in ms`, idle, 'drain'),
    ...rowsOf(`${name}: leaving with work in flight, in ms`, busy, 'drain'),
    ...rowsOf(`${name}: leaving while the server is frozen, in ms`, frozen, 'force'),
  ]
}

function rowsOf(title, { bare, lameduck }, ours) {
  return ['', title, leavingRow("the client's own close", bare), leavingRow(`lameduck's ${ours}`, lameduck)]
}

function leavingRow(label, { tookMs, stuck, lost }) {
  const facts = [
    ...(tookMs ? [row(label, tookMs, (value) => value.toFixed(1))] : []),
    ...(stuck > 0 ? [`still waiting after 5 s in ${stuck} ${stuck === 1 ? 'round' : 'rounds'}`] : []),
    ...(lost > 0 ? [`up to ${lost} pieces of work lost`] : []),
  ]
  return tookMs ? facts.join(', ') : `  ${label.padEnd(27)}  ${facts.join(', ')}`
}

function row(name, { median, from, to }, text) {
  return `  ${name.padEnd(27)}${text(median).padStart(8)}  (${text(from)} to ${text(to)})`
}
