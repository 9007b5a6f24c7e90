import { execFileSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { delaysMs, propagationsMs, scenarios, strategies } from './scenarios.mjs'

const names = [...scenarios.map((scenario) => scenario.name), 'residue']

export const usage = `usage: pnpm --filter @lameduck/http proof [options]
  --only a,b          some of: ${names.join(', ')}
  --strategies a,b    some of: ${strategies.join(', ')}. residue is lameduck's alone
  --runs 5            runs of lameduck in every cell; each helper runs once in every cell
  --jobs 1            how many run side by side; 2 cores are enough for 2
  --node path         the Node that the replicas run on (default: this one)
  --quick             one run, with 5 ms and 500 ms alone; no helper has to fail in so little
  --json file         everything that was counted`

/**
 * @returns {{ help: true } | { only: string[], strategies: string[], runs: number, jobs: number, node: string, version: string, quick: boolean,
 *   json: string | undefined, delaysMs: number[], propagationsMs: number[], leftOut: string[] }} `version` is that of `node`, `leftOut` what the whole proof would have besides
 */
export function parseOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string' },
      strategies: { type: 'string' },
      runs: { type: 'string' },
      jobs: { type: 'string', default: '1' },
      node: { type: 'string', default: process.execPath },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return { help: true }
  const { quick, json, node } = values
  const chosen = requireSome('--strategies', values.strategies, strategies)
  const only = requireSome('--only', values.only, names).filter((name) => name !== 'residue' || chosen.includes('lameduck'))
  if (only.length === 0) throw new Error(`--strategies ${chosen.join(',')} leaves nothing to run: residue is lameduck's alone\n${usage}`)
  const runs = requireCount('--runs', values.runs ?? (quick ? '1' : '5'))
  const jobs = requireCount('--jobs', values.jobs)
  const cells = quick ? { delaysMs: [5], propagationsMs: [500] } : { delaysMs, propagationsMs }
  const leftOut = [
    ...strategies.filter((strategy) => !chosen.includes(strategy)),
    ...names.filter((name) => !only.includes(name)),
    ...(quick ? ['every cell but 5 ms, 0.5 s', 'that the helpers must fail'] : []),
  ]
  // Both before anything is run, which takes up to an hour.
  const version = requireNode(node)
  if (json !== undefined) requireWritable(json)
  return { only, strategies: chosen, runs, jobs, node, version, quick, json, ...cells, leftOut }
}

function requireSome(option, text, known) {
  const given = text?.split(',') ?? known
  for (const name of given) {
    if (!known.includes(name)) throw new Error(`${option} knows no ${JSON.stringify(name)}\n${usage}`)
  }
  return known.filter((name) => given.includes(name))
}

function requireCount(name, text) {
  const count = Number(text)
  if (Number.isInteger(count) && count >= 1) return count
  throw new Error(`${name} must be a whole number, at least 1; it is ${text}\n${usage}`)
}

function requireNode(path) {
  let version
  try {
    version = execFileSync(path, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch (error) {
    throw new Error(`--node must be a program of Node; ${path} cannot be run: ${error.message}`, { cause: error })
  }
  if (/^v\d+\.\d+\.\d+/.test(version)) return version.slice(1)
  throw new Error(`--node must be a program of Node; ${path} says ${JSON.stringify(version.slice(0, 80))} as its version`)
}

function requireWritable(file) {
  try {
    closeSync(openSync(file, 'a'))
  } catch (error) {
    throw new Error(`--json must be a file that can be written: ${error.message}`, { cause: error })
  }
}
