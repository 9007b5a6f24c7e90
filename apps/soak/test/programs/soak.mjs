import { parseSoakOptions, runSoak } from '@lameduck/soak'

// What `npm run soak` does when everything is built.
const ends = []
let code = 1
try {
  const { table, broken } = await runSoak(parseSoakOptions(process.argv.slice(2)), {
    tell: (line) => process.stdout.write(`${line}\n`),
    onEnd: (end) => ends.push(end),
    signal: new AbortController().signal,
  })
  process.stdout.write(`${table}\n`)
  code = broken.length === 0 ? 0 : 1
} finally {
  for (const end of ends.toReversed()) await end()
}
process.exit(code)
