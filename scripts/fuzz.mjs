#!/usr/bin/env node
import { setUp } from './setup.mjs'
import { command, StepError } from './step.mjs'

/** `npm run fuzz`: foreign bytes, foreign values and hostile listeners, led by coverage. */
await command(async () => {
  process.env.PATH = (await setUp()).PATH
  const { fuzzUsage, FuzzUsageError, parseFuzzOptions, runFuzz } = await import('@lameduck/fuzz')
  if (process.argv.includes('--help')) return void process.stdout.write(`${fuzzUsage}\n`)
  try {
    return await runFuzz(parseFuzzOptions(process.argv.slice(2)), (line) => process.stdout.write(`${line}\n`))
  } catch (error) {
    throw error instanceof FuzzUsageError ? new StepError(error.message) : error
  }
})
