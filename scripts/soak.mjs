#!/usr/bin/env node
import { writeFile } from 'node:fs/promises'
import { setUp } from './setup.mjs'
import { command, parsed } from './step.mjs'

/** `npm run soak`: one service under load on real servers, restarted every 20 s while things break. */
await command(async ({ onEnd }) => {
  process.env.PATH = (await setUp()).PATH
  const { parseSoakOptions, runSoak, soakUsage, SoakUsageError } = await import('@lameduck/soak')
  if (process.argv.includes('--help')) return void process.stdout.write(`${soakUsage}\n`)
  const options = parsed(() => parseSoakOptions(process.argv.slice(2)), SoakUsageError)
  const stop = new AbortController()
  onEnd(async () => stop.abort())
  const { table, broken, json } = await runSoak(options, { tell: (line) => process.stdout.write(`${line}\n`), onEnd, signal: stop.signal })
  process.stdout.write(`${table}\n`)
  if (options.json) await writeFile(options.json, `${JSON.stringify(json)}\n`)
  return broken.length === 0 ? 0 : 1
})
