import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Adds what the test runners themselves counted (`LAMEDUCK_RESULTS`) to `total`. */
export async function addResults(folder, total) {
  for (const file of await readdir(folder)) {
    const result = JSON.parse(await readFile(join(folder, file), 'utf8'))
    total.passed += result.numPassedTests
    total.failed += result.numFailedTests
    total.skipped += result.numPendingTests + result.numTodoTests
    // A file that could not even be loaded has no tests to fail.
    total.failed += result.testResults.filter((each) => each.status === 'failed' && each.assertionResults.length === 0).length
  }
}
