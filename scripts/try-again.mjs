import { join, relative } from 'node:path'
import { addResults } from './add-results.mjs'
import { root } from './setup.mjs'
import { inUnfinishedFolder } from './unfinished-folder.mjs'

/** With more failures it is not the machine. */
const mostFailures = 4

/** What loses work once in many runs loses work: no second run takes that back. */
const isLoss = ({ message }) => /\blost\b/.test(message.split('\n    at ', 1)[0])

/**
 * Runs the files of what failed once more, one after the other, with nothing beside them. What passes then is counted as passed, and named: a test
 * that needs a quiet machine is to be mended, and is not the fault of the change that met it.
 *
 * @param runFile runs the tests of one file, writes its results into a folder, and resolves with the exit code
 */
export async function tryAgain(failures, total, runFile) {
  if (failures.length > mostFailures || failures.some(isLoss)) return
  for (const file of new Set(failures.map((failure) => failure.file))) {
    const before = failures.filter((failure) => failure.file === file)
    if (!(await passes(file, runFile))) continue
    total.failed -= before.length
    total.passed += before.length
    for (const { name } of before) process.stdout.write(`✓ ${relative(root, file)}: ${name}\n    failed at first, and passed alone\n`)
  }
}

async function passes(file, runFile) {
  return inUnfinishedFolder(join(root, '.cache', 'again-'), async (results) => {
    process.stdout.write(`once more, alone: ${relative(root, file)}\n`)
    const counts = { passed: 0, failed: 0, skipped: 0 }
    const code = await runFile(file, results)
    await addResults(results, counts)
    return code === 0 && counts.failed === 0 && counts.passed > 0
  })
}
