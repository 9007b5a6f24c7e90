#!/usr/bin/env node
import { serversFor } from './servers-for.mjs'
import { setUp } from './setup.mjs'
import { command, parsed, progress, StepError } from './step.mjs'

/** `npm run strange`: services as strangers write them, stopped in the middle of their work; with `--rounds`, while a server is frozen or killed. */
await command(async ({ onEnd }) => {
  process.env.PATH = (await setUp()).PATH
  const { allScenarios, kindTable, parseOptions, runCommand, startOwnServers, usage, UsageError } = await import('@lameduck/strange-services')
  if (process.argv.includes('--help')) return void process.stdout.write(`${usage}\n`)
  const scenarios = await allScenarios()
  const options = parsed(() => parseOptions(process.argv.slice(2), scenarios), UsageError)
  if (options.isList) return void process.stdout.write(`${kindTable(scenarios)}\n`)

  const stop = new AbortController()
  const { urls, servers } = options.isOnOwnServers ? await ownServers() : { urls: await sharedUrls() }
  const running = runCommand(options, { urls, servers, out: process.stdout, signal: stop.signal })
  onEnd(async () => {
    stop.abort()
    await running.catch(() => {})
  })
  return running

  async function ownServers() {
    const shown = progress('starting servers that may be killed')
    const { servers, stop: end } = await startOwnServers(shown.detail)
    onEnd(end)
    shown.end()
    return { servers, urls: Object.fromEntries([...servers].map(([name, { url }]) => [name, url])) }
  }

  async function sharedUrls() {
    const { urls, missing } = await serversFor(onEnd, (message) => {
      process.stderr.write(`${message}\n`)
      stop.abort()
    })
    if (missing.length > 0) throw new StepError(missing.join('\n'))
    return { postgres: urls.DATABASE_URL, redis: urls.REDIS_URL, kafka: urls.KAFKA_BROKERS }
  }
})
