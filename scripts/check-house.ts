import { fileURLToPath } from 'node:url'
import { checkBoundaries } from './house/boundaries.ts'
import { checkLayout } from './house/layout.ts'
import { checkLimits } from './house/limits.ts'
import { checkMetadata } from './house/metadata.ts'
import { readWorkspace } from './house/workspace.ts'
import { checkWords } from './house/words.ts'
import { checkWorkflows } from './house/workflows.ts'

// The rules of the house as code: run by `npm test`, explained in CONTRIBUTING.md.
const workspace = readWorkspace(process.argv[2] ?? fileURLToPath(new URL('../..', import.meta.url)))
const breaches = [checkLayout, checkMetadata, checkBoundaries, checkWords, checkWorkflows, checkLimits].flatMap((check) => check(workspace))
for (const { file, message } of breaches) process.stdout.write(`${file}: ${message}\n`)
process.stdout.write(breaches.length === 0 ? `${workspace.packages.length} packages keep the rules of the house\n` : `${breaches.length} breaches\n`)
process.exitCode = breaches.length === 0 ? 0 : 1
