#!/usr/bin/env node
// The proof under load: what is lost when replicas leave, with lameduck and with the helpers that people copy. See README.md.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { inParallel } from './in-parallel.mjs'
import { parseOptions, usage } from './options.mjs'
import { rehearseCell } from './rehearse-cell.mjs'
import { measureResidue } from './residue.mjs'
import { helpers, scenarios, strategies, windowFor } from './scenarios.mjs'
import { hasFailed, tables } from './table.mjs'
import { findWrk } from './wrk.mjs'

const startedAt = performance.now()
const progress = (text) => process.stderr.write(`${String(Math.round((performance.now() - startedAt) / 1000)).padStart(5)} s  ${text}\n`)

let options
try {
  options = parseOptions(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  process.exit(2)
}
if (options.help) {
  process.stdout.write(`${usage}\n`)
  process.exit(0)
}
const { only, runs, jobs, node, json, delaysMs, propagationsMs } = options

const results = {
  node: execFileSync(node, ['--version'], { encoding: 'utf8' }).trim().slice(1),
  machine: `${cpus().length} cores`,
  at: new Date().toISOString(),
  runs,
  delaysMs,
  propagationsMs,
  scenarios: [],
}
for (const scenario of scenarios) {
  if (only.includes(scenario.name)) results.scenarios.push(await prove(scenario))
}
if (only.includes('residue')) results.residue = await measureResidue({ runs, jobs, node, progress })

const broken = [...results.scenarios.flatMap(brokenPromises), ...(results.residue ?? []).flatMap(brokenResidue)]
process.stdout.write(`${tables(results)}\n`)
for (const each of broken) process.stdout.write(`\nNOT PROVED: ${each}`)
process.stdout.write(broken.length === 0 ? '\nproved\n' : '\n')
if (json !== undefined) writeFileSync(json, `${JSON.stringify({ ...results, broken }, undefined, 2)}\n`)
process.exitCode = broken.length === 0 ? 0 : 1

async function prove(scenario) {
  const { name, title } = scenario
  if (scenario.needs === 'wrk') {
    try {
      Object.assign(process.env, await findWrk())
    } catch (error) {
      progress(error.message)
      return { name, title, missing: error.message, cells: [] }
    }
  }
  const wanted = strategies.flatMap((strategy) => delaysMs.flatMap((delayMs) => propagationsMs.map((propagationMs) => ({ scenario, strategy, delayMs, propagationMs }))))
  const cells = await inParallel(jobs, wanted, measureCell)
  return { name, title, cells }
}

async function measureCell({ scenario, strategy, delayMs, propagationMs }) {
  const times = strategy === 'lameduck' ? runs : 1
  const total = { strategy, delayMs, propagationMs, windowMs: windowFor(propagationMs), sent: 0, lost: 0, allowed: 0, unanswered: 0, repeated: 0, exits: 0, killed: 0, exitMs: [], reasons: {} }
  for (let run = 1; run <= times; run++) {
    let cell
    try {
      cell = await rehearseCell({ scenario, strategy, delayMs, propagationMs, node })
    } catch (error) {
      progress(`${scenario.name}, ${strategy}: ${error.message}`)
      return { ...total, error: error.message }
    }
    for (const key of ['sent', 'lost', 'allowed', 'unanswered', 'repeated', 'exits', 'killed']) total[key] += cell[key]
    total.exitMs.push(...cell.exitMs)
    for (const [reason, count] of Object.entries(cell.reasons)) total.reasons[reason] = (total.reasons[reason] ?? 0) + count
    const lost = cell.lost + cell.allowed
    progress(`${scenario.name}, ${strategy}, ${delayMs} ms, ${propagationMs / 1000} s, run ${run}: lost ${lost} of ${cell.sent}, killed ${cell.killed} of ${cell.exits}${lost > 0 ? ` ${JSON.stringify(cell.reasons)}` : ''}`)
  }
  return total
}

/** Where lameduck did not keep its promise, and where a helper that must fail did not, so that the cell shows nothing. */
function brokenPromises({ name, title, missing, cells }) {
  if (missing !== undefined) return [`${title}: not run, ${missing}`]
  const where = ({ strategy, delayMs, propagationMs }) => `${title}, ${strategy}, ${delayMs} ms, ${propagationMs / 1000} s`
  const { isEnough = () => false } = scenarios.find((scenario) => scenario.name === name)
  const mustFail = helpers.filter((helper) => !isEnough(helper, Number(results.node.split('.')[0])))
  return [
    ...cells.filter((cell) => cell.error !== undefined).map((cell) => `${where(cell)}: ${cell.error}`),
    ...cells
      .filter((cell) => cell.strategy === 'lameduck' && cell.lost + cell.unanswered + cell.killed > 0)
      .map((cell) => `${where(cell)}: ${cell.lost} lost, ${cell.unanswered} ran unanswered, ${cell.killed} killed. ${JSON.stringify(cell.reasons)}`),
    ...mustFail.filter((helper) => !cells.some((cell) => cell.strategy === helper && hasFailed(cell))).map((helper) => `${title}: ${helper} loses nothing and leaves in time, so this load does not catch it`),
  ]
}

/** Only the window that is longer than every pause promises something. */
function brokenResidue({ windowMs, lost, expected }) {
  return expected === 0 && lost > 0 ? [`residue, window ${windowMs} ms: ${lost} lost`] : []
}
