#!/usr/bin/env node
// The proof under load: what is lost when replicas leave, with lameduck and with the helpers that people copy. See README.md.
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { inParallel } from './in-parallel.mjs'
import { parseOptions, usage } from './options.mjs'
import { rehearseCell } from './rehearse-cell.mjs'
import { measureResidue } from './residue.mjs'
import { scenarios, windowFor } from './scenarios.mjs'
import { tables } from './table.mjs'
import { brokenPromises, verdictText } from './verdict.mjs'
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
const { only, strategies, runs, jobs, node, version, quick, json, delaysMs, propagationsMs, leftOut } = options

const results = { node: version, machine: `${cpus().length} cores`, at: new Date().toISOString(), runs, only, strategies, quick, leftOut, delaysMs, propagationsMs, scenarios: [] }
for (const scenario of scenarios) {
  if (only.includes(scenario.name)) results.scenarios.push(await prove(scenario))
}
if (only.includes('residue')) results.residue = await measureResidue({ runs, jobs, node, progress })

const broken = brokenPromises(results)
process.stdout.write(`${tables(results)}\n\n${verdictText({ broken, ...results })}\n`)
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
  const total = { strategy, delayMs, propagationMs, windowMs: windowFor(propagationMs), sent: 0, lost: 0, refused: 0, refusedLimit: 0, unanswered: 0, repeated: 0, exits: 0, killed: 0, exitMs: [], reasons: {}, troubles: [] }
  for (let run = 1; run <= times; run++) {
    let cell
    try {
      cell = await rehearseCell({ scenario, strategy, delayMs, propagationMs, node })
    } catch (error) {
      progress(`${scenario.name}, ${strategy}: ${error.message}`)
      return { ...total, error: error.message }
    }
    for (const key of ['sent', 'lost', 'refused', 'refusedLimit', 'unanswered', 'repeated', 'exits', 'killed']) total[key] += cell[key]
    total.exitMs.push(...cell.exitMs)
    total.troubles.push(...cell.troubles.map((trouble) => `run ${run}: ${trouble}`))
    for (const [reason, count] of Object.entries(cell.reasons)) total.reasons[reason] = (total.reasons[reason] ?? 0) + count
    const { lost, refused, troubles } = cell
    progress(`${scenario.name}, ${strategy}, ${delayMs} ms, ${propagationMs / 1000} s, run ${run}: lost ${lost} of ${cell.sent}, ${refused} refused, killed ${cell.killed} of ${cell.exits}${lost + refused > 0 ? ` ${JSON.stringify(cell.reasons)}` : ''}${troubles.map((trouble) => `; ${trouble}`).join('')}`)
  }
  return total
}
