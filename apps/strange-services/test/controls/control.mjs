// Does its ten things or not, and says of it what it is told to say.
const { MODE } = process.env
const step = (work) => ({ name: 'jobs', outcome: 'drained', inFlight: {}, waitingFor: [], errors: [], ...work })
const tally = (failed) => ({ done: 10 - failed, failed, cut: 0, refused: 0, unknown: 0, reasons: [] })
const report = (rest) => ({ lameduck: 'report', reason: { kind: 'signal' }, result: 'clean', exitCode: 0, steps: [step({ work: tally(0) })], errors: [], warnings: [], ...rest })
const failed = (units) => report({ result: 'failed', exitCode: 72, steps: [step({ outcome: 'failed', work: tally(units) })] })

const controls = {
  'all is done': { done: 10, says: report(), exit: 0 },
  'six are done, and it counts four': { done: 6, says: failed(4), exit: 72 },
  'six are done, and it says clean': { done: 6, says: report(), exit: 0 },
  'six are done, and it counts three': { done: 6, says: failed(3), exit: 72 },
  'six are done, and it was cut with one in flight': { done: 6, says: report({ result: 'forced', exitCode: 71, steps: [step({ outcome: 'forced', inFlight: { atForce: 1 } })] }), exit: 71 },
  'six are done, and it says unknown of none': { done: 6, says: report({ result: 'unknown' }), exit: 0 },
  'all is done, and its exit code is another': { done: 10, says: report(), exit: 1 },
  'all is done, and a failed stop exits with 0': { done: 10, says: { ...failed(1), exitCode: 0 }, exit: 0 },
  'all is done, and it says clean of a step that failed': { done: 10, says: report({ steps: [step({ outcome: 'failed' })] }), exit: 0 },
  'all is done, and it says clean and counts one': { done: 10, says: report({ steps: [step({ work: tally(1) })] }), exit: 0 },
  'all is done, and it says clean of a crash': { done: 10, says: report({ reason: { kind: 'fatal' }, exitCode: 1 }), exit: 1 },
  'all is done, and it says nothing': { done: 10, exit: 0 },
  'all is done, and it stays': { done: 10, says: report() },
}

const { done, says, exit } = controls[MODE]
process.on('SIGTERM', () => {
  for (let n = 0; n < done; n += 1) console.log('done', n)
  if (says) console.log(JSON.stringify(says))
  if (exit !== undefined) process.exit(exit)
})
setInterval(() => {}, 60_000)
console.log('ready')
