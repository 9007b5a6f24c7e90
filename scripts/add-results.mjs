import { readdir, readFile } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import { root } from './setup.mjs'

/**
 * Adds what the test runners themselves counted (`LAMEDUCK_RESULTS`, a file for each package) to `total`.
 *
 * @returns for each package what it took, the longest first, and its failures: each with its file, its name and what was thrown
 */
export async function addResults(folder, total) {
  const packages = []
  for (const file of await readdir(folder)) {
    const result = JSON.parse(await readFile(join(folder, file), 'utf8'))
    // A file that could not even be loaded has no tests to fail.
    const unloaded = result.testResults.filter((each) => each.status === 'failed' && each.assertionResults.length === 0)
    total.passed += result.numPassedTests
    total.failed += result.numFailedTests + unloaded.length
    total.skipped += result.numPendingTests + result.numTodoTests
    packages.push({
      name: basename(file, '.json'),
      tests: result.numPassedTests,
      tookMs: Math.max(0, ...result.testResults.map(({ endTime }) => endTime - result.startTime)),
      failures: [...result.testResults.flatMap(failedTests), ...unloaded.map((each) => ({ file: each.name, name: 'could not be loaded', message: each.message ?? '' }))],
    })
  }
  return packages.sort((a, b) => b.tookMs - a.tookMs)
}

export function describeFailure({ file, name, message }) {
  const [firstLine = ''] = message.split('\n')
  return `${relative(root, file)}: ${name}${firstLine && `\n    ${firstLine}`}`
}

function failedTests({ name: file, assertionResults }) {
  return assertionResults.filter(({ status }) => status === 'failed').map(({ fullName, failureMessages }) => ({ file, name: fullName, message: failureMessages.join('\n') }))
}
