import { hasFailed } from './verdict.mjs'

const number = (value) => value.toLocaleString('en-US')

/** The tables of README.md, as Markdown. `results` is what `proof.mjs` collects and writes as JSON. */
export function tables({ node, machine, runs, strategies, delaysMs, propagationsMs, scenarios, residue }) {
  const parts = [`Node ${node}, ${machine}.`]
  const helpers = strategies.filter((strategy) => strategy !== 'lameduck')
  if (scenarios.length > 0 && strategies.includes('lameduck')) parts.push(lameduckTable(scenarios, { runs, delaysMs, propagationsMs }))
  if (scenarios.length > 0 && helpers.length > 0) parts.push(helpersTable(scenarios, helpers))
  if (residue !== undefined) parts.push(residueTable(residue))
  return parts.join('\n\n')
}

function lameduckTable(scenarios, { runs, delaysMs, propagationsMs }) {
  const cells = delaysMs.flatMap((delayMs) => propagationsMs.map((propagationMs) => ({ delayMs, propagationMs })))
  const head = ['lameduck: lost of sent', ...cells.map(({ delayMs, propagationMs }) => `${delayMs} ms, ${propagationMs / 1000} s`), 'left after its window']
  const rows = scenarios.map(({ title, missing, cells: measured }) => {
    if (missing !== undefined) return [title, ...cells.map(() => '**not run**'), missing]
    const own = measured.filter((cell) => cell.strategy === 'lameduck')
    const found = cells.map(({ delayMs, propagationMs }) => own.find((cell) => cell.delayMs === delayMs && cell.propagationMs === propagationMs))
    return [title, ...found.map(lostText), leftText(own)]
  })
  return `${runs} ${runs === 1 ? 'run' : 'runs'} of 2 replicas in every cell; one-way delay, propagation:\n\n${markdown(head, rows)}`
}

function lostText(cell) {
  if (cell.error !== undefined) return '**failed**'
  const notes = [
    ...(cell.refused > 0 ? [refusedText(cell)] : []),
    ...(cell.unanswered > 0 ? [`**${number(cell.unanswered)} ran unanswered**`] : []),
    ...(cell.repeated > 0 ? [`${number(cell.repeated)} repeated`] : []),
    ...(cell.killed > 0 ? [`**${cell.killed} killed**`] : []),
  ]
  const lost = cell.lost > 0 ? `**${number(cell.lost)}**` : '0'
  return `${lost} of ${number(cell.sent)}${notes.length > 0 ? ` (${notes.join(', ')})` : ''}`
}

function refusedText({ refused, refusedLimit }) {
  return refused > refusedLimit ? `**${number(refused)} refused, ${number(refusedLimit)} may be**` : `${number(refused)} refused`
}

function leftText(cells) {
  const afterMs = cells.flatMap((cell) => (cell.exitMs ?? []).map((ms) => ms - cell.windowMs)).toSorted((a, b) => a - b)
  return afterMs.length === 0 ? '' : `median ${afterMs[Math.floor(afterMs.length / 2)]} ms, at most ${afterMs.at(-1)} ms`
}

function helpersTable(scenarios, helpers) {
  const rows = scenarios
    .filter((scenario) => scenario.missing === undefined)
    .map(({ title, cells }) => [title, ...helpers.map((helper) => helperText(cells.filter((cell) => cell.strategy === helper && cell.error === undefined)))])
  return `Helpers, one run in each of the cells:\n\n${markdown(['lost of sent, killed', ...helpers.map((helper) => `\`${helper}\``)], rows)}`
}

function helperText(cells) {
  const sum = (key) => cells.reduce((total, cell) => total + cell[key], 0)
  const failed = cells.filter(hasFailed).length
  const unanswered = sum('unanswered')
  const refused = sum('refused')
  const notes = `${refused > 0 ? `, ${number(refused)} refused` : ''}${unanswered > 0 ? `, ${number(unanswered)} ran unanswered` : ''}, ${sum('killed')} of ${sum('exits')} killed`
  return `${number(sum('lost'))} of ${number(sum('sent'))}${notes}: fails in ${failed} of ${cells.length} cells`
}

function residueTable(rows) {
  const body = rows.map(({ windowMs, sent, lost, expected, roundTripMs }) => [`${windowMs / 1000} s`, `${number(lost)} of ${number(sent)}`, expected.toFixed(1), `${roundTripMs.toFixed(1)} ms`])
  return `Idle for longer than the window, ${rows[0].runs} runs each:\n\n${markdown(['window', 'lost of sent', 'formula', 'round trip'], body)}`
}

function markdown(head, rows) {
  const lines = [head, ...rows].map((cells) => `| ${cells.join(' | ')} |`)
  return lines.toSpliced(1, 0, `|${'---|'.repeat(head.length)}`).join('\n')
}
