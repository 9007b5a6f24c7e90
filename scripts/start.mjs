#!/usr/bin/env node
import { setUp } from './setup.mjs'
import { command, progress, StepError } from './step.mjs'

await command(async ({ onEnd }) => {
  process.env.PATH = (await setUp()).PATH
  const { parseOptions, UsageError } = await import('./dist/demonstration/options.js')
  const { demonstrate } = await import('./dist/demonstration/demonstrate.js')
  const { startServers } = await import('@lameduck/servers')
  let options
  try {
    options = parseOptions(process.argv.slice(2))
  } catch (error) {
    throw error instanceof UsageError ? new StepError(error.message) : error
  }

  const shown = progress('starting PostgreSQL, Redis and Kafka')
  const servers = await startServers({ want: ['postgres', 'redis', 'kafka'], onProgress: shown.detail, onExit: (message) => process.stderr.write(`${message}\n`) })
  onEnd(async () => servers.stop())
  shown.end()
  for (const name of ['postgres', 'redis', 'kafka']) {
    process.stdout.write(servers[name].ok ? `${name}: ${servers[name].detail}\n` : `${servers[name].message} The demonstration runs without it.\n`)
  }

  const stop = new AbortController()
  const url = (server) => (server.ok ? server.url : undefined)
  const running = demonstrate({
    options,
    servers: { databaseUrl: url(servers.postgres), redisUrl: url(servers.redis), kafkaBrokers: url(servers.kafka) },
    out: process.stdout,
    signal: stop.signal,
  })
  onEnd(async () => {
    stop.abort(new Error('interrupted'))
    await running.catch(() => {})
  })
  return running
})
