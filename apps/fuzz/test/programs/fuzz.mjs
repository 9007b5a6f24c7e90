import { fuzzUsage, FuzzUsageError, parseFuzzOptions, runFuzz } from '@lameduck/fuzz'

// What `npm run fuzz` does when everything is built.
let options
try {
  options = parseFuzzOptions(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof FuzzUsageError)) throw error
  process.stderr.write(`${error.message || fuzzUsage}\n`)
  process.exit(2)
}
process.exit(await runFuzz(options, (line) => process.stdout.write(`${line}\n`)))
