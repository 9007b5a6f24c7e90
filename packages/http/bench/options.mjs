import { parseArgs } from 'node:util'

const parts = ['cpu', 'memory', 'exit']
/** By downloads a month in 2026, the most used first, after what needs no package. */
const programs = ['lameduck', 'close', 'stoppable', 'http-shutdown', 'http-terminator', 'http-graceful-shutdown', 'terminus']

const options = {
  only: { type: 'string', default: parts.join(',') },
  with: { type: 'string', default: programs.join(',') },
  rounds: { type: 'string', default: '5' },
  connections: { type: 'string', default: '10000' },
  json: { type: 'boolean', default: false },
}

const usage = `usage: npm run bench http -- [--only ${parts.join(',')}] [--with ${programs.join(',')}] [--rounds 5] [--connections 10000] [--json]`

/** What is to be measured. Says what is wrong with an option and ends the process. */
export function readOptions(parameters) {
  try {
    const { values } = parseArgs({ args: parameters, options })
    return {
      only: someOf('only', values.only.split(','), parts),
      programs: someOf('with', values.with.split(','), programs),
      rounds: odd('rounds', values.rounds),
      connections: whole('connections', values.connections),
      json: values.json,
    }
  } catch (error) {
    return refuse(`${error.message}\n${usage}`)
  }
}

/** Node raises its limit of open files to the hard one by itself; there the shell has to. */
export function requireFiles(connections) {
  const needed = connections + 1_200
  const { hard = 'unlimited' } = process.report.getReport().userLimits?.open_files ?? {}
  if (hard === 'unlimited' || hard >= needed) return
  refuse(`${connections} connections need ${needed} open files, and this shell allows ${hard}: raise it with "ulimit -n ${needed}" or ask for fewer with --connections`)
}

function refuse(message) {
  process.stderr.write(`${message}\n`)
  process.exit(2)
}

function someOf(option, given, known) {
  const unknown = given.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`--${option} ${unknown}: it must be of ${known.join(', ')}`)
  return given
}

function whole(option, given) {
  const value = Number(given)
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${option} ${given}: it must be a whole number from 1 up`)
  return value
}

/** So that there is one in the middle. */
function odd(option, given) {
  const value = whole(option, given)
  if (value % 2 === 0) throw new Error(`--${option} ${given}: it must be odd`)
  return value
}
