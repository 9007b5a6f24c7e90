import { inTurns, median, spread } from '../../core/bench/measure.mjs'
import { cpuPerRequest } from './cpu.mjs'
import { leave } from './exit.mjs'
import { goalsOf } from './goals.mjs'
import { bytesPerConnection } from './memory.mjs'
import { readOptions, requireFiles } from './options.mjs'
import { table } from './table.mjs'

/**
 * What attaching to a server costs, and how fast a process is gone, compared in the same run with the same server bare, with Node's
 * own close, and with the most used packages for it. Prints a table, or JSON with `--json`.
 */

const { only, programs, rounds, connections, json } = readOptions(process.argv.slice(2))
requireFiles(connections)
// Nothing is attached to it while it serves.
const attached = programs.filter((name) => name !== 'close')

/** When the answers end: right after the signal, with all idle connections open; when everything else is over; one after the other while it drains. */
const departures = {
  answeredAtOnce: { idle: connections, inFlight: 1 },
  oneLeft: { idle: connections, inFlight: 1, afterIdle: true },
  manyLeft: { idle: 0, inFlight: 1_000, answerMs: 1_000 },
  noneLeft: { idle: connections, inFlight: 0 },
}

const measured = {
  node: process.version,
  rounds,
  connections,
  ...(only.includes('cpu') ? { cpu: await cpu() } : {}),
  ...(only.includes('memory') ? { memory: await memory() } : {}),
  ...(only.includes('exit') ? { exit: await exit() } : {}),
}
const figures = { ...measured, goals: goalsOf(measured) }
if (process.stderr.isTTY) process.stderr.write('\r\u001B[2K')
process.stdout.write(json ? `${JSON.stringify(figures)}\n` : `${table(figures)}\n`)

/** Three times the rounds: the goal is one percent, and one process differs from the next of the same program by more. */
async function cpu() {
  const { all } = await inTurns({ all: () => cpuPerRequest(attached) }, rounds * 3, progress('CPU per request', rounds * 3))
  const ofRounds = (figure) => ofEach([...attached, 'bare again'], (name) => spread(all.map((round) => round[figure][name])))
  return { pinned: all.every(({ pinned }) => pinned), bareUs: median(all.map(({ bareUs }) => bareUs)), ratio: ofRounds('ratio'), ofTotals: ofRounds('ofTotals') }
}

async function memory() {
  const names = ['bare', ...attached]
  const all = await inTurns(ofEach(names, (name) => () => bytesPerConnection(name, connections)), rounds, progress('memory'))
  return ofEach(names, (name) => ofEach(['heap', 'external', 'resident'], (kind) => spread(all[name].map((round) => round[kind]))))
}

async function exit() {
  const result = {}
  for (const [departure, parameters] of Object.entries(departures)) {
    const all = await inTurns(ofEach(programs, (name) => () => leave(name, parameters)), rounds, progress(`exit, ${departure}`))
    result[departure] = ofEach(programs, (name) => ({
      cut: Math.max(...all[name].map(({ cut }) => cut)),
      stuck: all[name].filter(({ stuck }) => stuck).length,
      exitMs: spread(all[name].flatMap(({ exitMs }) => exitMs ?? [])),
      ownMs: spread(all[name].flatMap(({ ownMs }) => ownMs ?? [])),
      wholeMs: spread(all[name].flatMap(({ wholeMs }) => wholeMs ?? [])),
      idleMs: spread(all[name].flatMap(({ idleMs }) => idleMs ?? [])),
      stallMs: spread(all[name].flatMap(({ stallMs }) => stallMs ?? [])),
      calmMs: spread(all[name].map(({ calmMs }) => calmMs)),
    }))
  }
  return result
}

function progress(what, of = rounds) {
  return (round) => process.stderr.isTTY && process.stderr.write(`\r\u001B[2K  ${what}: round ${round + 1} of ${of}`)
}

function ofEach(names, value) {
  return Object.fromEntries(names.map((name) => [name, value(name)]))
}
