#!/usr/bin/env node
import { serversFor } from './servers-for.mjs'
import { setUp } from './setup.mjs'
import { command, parsed, StepError } from './step.mjs'

await command(async ({ onEnd }) => {
  process.env.PATH = (await setUp()).PATH
  const { parseOptions, usage, UsageError } = await import('./dist/demonstration/options.js')
  const { demonstrate } = await import('./dist/demonstration/demonstrate.js')
  if (process.argv.includes('--help')) return void process.stdout.write(`${usage}\n`)
  const options = parsed(() => parseOptions(process.argv.slice(2)), UsageError)

  const stop = new AbortController()
  let died
  const { urls, missing } = await serversFor(onEnd, (message) => {
    died ??= message
    stop.abort(new Error(message))
  })
  for (const message of missing) process.stdout.write(`${message} The demonstration runs without it.\n`)
  const running = demonstrate({
    options,
    servers: { databaseUrl: urls.DATABASE_URL || undefined, redisUrl: urls.REDIS_URL || undefined, kafkaBrokers: urls.KAFKA_BROKERS || undefined },
    out: process.stdout,
    signal: stop.signal,
  })
  onEnd(async () => {
    stop.abort(new Error('interrupted'))
    await running.catch(() => {})
  })
  try {
    return await running
  } catch (error) {
    throw new StepError(`the demonstration broke off: ${died ?? error?.message ?? error}`)
  }
})
