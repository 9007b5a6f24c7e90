import { parseArgs } from 'node:util'
import { delaysMs, propagationsMs, scenarios } from './scenarios.mjs'

const names = [...scenarios.map((scenario) => scenario.name), 'residue']

export const usage = `usage: pnpm --filter @lameduck/http proof [options]
  --only a,b     some of: ${names.join(', ')}
  --runs 5       runs of lameduck in every cell; each helper runs once in every cell
  --jobs 1       how many run side by side; 2 cores are enough for 2
  --node path    the Node that the replicas run on (default: this one)
  --quick        one run, with 5 ms and 500 ms alone
  --json file    everything that was counted`

/** @returns {{ help: true } | { only: string[], runs: number, jobs: number, node: string, quick: boolean, json: string | undefined, delaysMs: number[], propagationsMs: number[] }} */
export function parseOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string' },
      runs: { type: 'string' },
      jobs: { type: 'string', default: '1' },
      node: { type: 'string', default: process.execPath },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return { help: true }
  const only = values.only?.split(',') ?? names
  for (const name of only) {
    if (!names.includes(name)) throw new Error(`--only knows no ${JSON.stringify(name)}\n${usage}`)
  }
  const runs = requireCount('--runs', values.runs ?? (values.quick ? '1' : '5'))
  const jobs = requireCount('--jobs', values.jobs)
  const cells = values.quick ? { delaysMs: [5], propagationsMs: [500] } : { delaysMs, propagationsMs }
  return { only, runs, jobs, node: values.node, quick: values.quick, json: values.json, ...cells }
}

function requireCount(name, text) {
  const count = Number(text)
  if (Number.isInteger(count) && count >= 1) return count
  throw new Error(`${name} must be a whole number, at least 1; it is ${text}\n${usage}`)
}
