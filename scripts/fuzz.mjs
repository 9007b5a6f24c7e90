#!/usr/bin/env node
import { setUp } from './setup.mjs'
import { command, parsed } from './step.mjs'

/** `npm run fuzz`: foreign bytes, foreign values and hostile listeners, led by coverage. */
await command(async () => {
  process.env.PATH = (await setUp()).PATH
  const { fuzzUsage, FuzzUsageError, parseFuzzOptions, runFuzz } = await import('@lameduck/fuzz')
  if (process.argv.includes('--help')) return void process.stdout.write(`${fuzzUsage}\n`)
  const options = parsed(() => parseFuzzOptions(process.argv.slice(2)), FuzzUsageError)
  return runFuzz(options, (line) => process.stdout.write(`${line}\n`))
})
