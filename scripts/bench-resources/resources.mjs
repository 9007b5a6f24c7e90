import { parseArgs } from 'node:util'
import { startServer } from '@lameduck/servers'
import * as kafka from './clients/kafka.mjs'
import * as pg from './clients/pg.mjs'
import * as redis from './clients/redis.mjs'
import { goalsOf } from './goals.mjs'
import { leaving } from './leaving.mjs'
import { overhead } from './overhead.mjs'
import { table } from './table.mjs'

/**
 * What the adapters cost for each query, command and message, and how fast they leave, compared in the same run with the bare clients, on
 * real servers. Prints a table, or JSON with `--json`.
 */

const clients = { pg, redis, kafka }
const serverOf = { pg: 'postgres', redis: 'redis', kafka: 'kafka' }
const usage = `usage: npm run bench resources -- [--only ${Object.keys(clients).join(',')}] [--parts overhead,leaving] [--rounds 5] [--json]`

const { only, parts, rounds, json } = readOptions()
const figures = { node: process.version, rounds, clients: {} }
for (const name of only) figures.clients[name] = await measure(name)
figures.goals = goalsOf(figures.clients)
if (process.stderr.isTTY) process.stderr.write('\r\u001B[2K')
process.stdout.write(json ? `${JSON.stringify(figures)}\n` : `${table(figures)}\n`)

async function measure(name) {
  // Of its own, since it is frozen.
  const server = await startServer(serverOf[name], { private: true })
  if (!server.ok) refuse(server.message)
  try {
    const result = {}
    if (parts.includes('overhead')) {
      const options = name === 'kafka' ? { topic: await kafka.createTopic(server.url) } : {}
      result.overhead = await overhead(name, server.url, { ...clients[name], options }, rounds, progress(name, 'overhead'))
    }
    if (parts.includes('leaving')) {
      const options = name === 'kafka' ? { topic: await kafka.createTopic(server.url, 0), handleMs: 100 } : {}
      result.leaving = await leaving(name, server.url, { options, server }, rounds, (state) => progress(name, `leaving, ${state}`))
    }
    return result
  } finally {
    await server.stop()
  }
}

function progress(name, what) {
  return (round) => process.stderr.isTTY && process.stderr.write(`\r\u001B[2K  ${name}, ${what}: round ${round + 1} of ${rounds}`)
}

function readOptions() {
  const known = ['overhead', 'leaving']
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string', default: Object.keys(clients).join(',') },
        parts: { type: 'string', default: known.join(',') },
        rounds: { type: 'string', default: '5' },
        json: { type: 'boolean', default: false },
      },
    })
    const count = Number(values.rounds)
    if (!Number.isInteger(count) || count < 1 || count % 2 === 0) throw new Error(`--rounds ${values.rounds}: it must be an odd number from 1 up`)
    return { only: someOf('only', values.only, Object.keys(clients)), parts: someOf('parts', values.parts, known), rounds: count, json: values.json }
  } catch (error) {
    return refuse(`${error.message}\n${usage}`)
  }
}

function someOf(option, given, known) {
  const names = given.split(',')
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`--${option} ${unknown}: it must be of ${known.join(', ')}`)
  return names
}

function refuse(message) {
  process.stderr.write(`${message}\n`)
  process.exit(2)
}
