import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checkBoundaries } from '../house/boundaries.ts'
import { checkLayout } from '../house/layout.ts'
import { checkLimits } from '../house/limits.ts'
import { checkMetadata } from '../house/metadata.ts'
import { pages } from '../house/origin.ts'
import { checkWords } from '../house/words.ts'
import { checkWorkflows } from '../house/workflows.ts'
import { readWorkspace } from '../house/workspace.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
let house: string

/** What the copy leaves out: what is made. */
const leftOut = /node_modules|\/dist($|\/)|\.readme-|\.mutants-/

/** A copy of two real packages, small enough to be broken on purpose. */
beforeEach(async () => {
  house = await mkdtemp(join(tmpdir(), 'lameduck-house-'))
  for (const folder of ['packages/core', 'packages/probes', 'docs', 'decisions', '.github']) {
    await cp(join(root, folder), join(house, folder), { recursive: true, filter: (path) => !leftOut.test(path) })
  }
  // They may link to any package, and only two are there. The errors are read by a rule.
  for (const page of await readdir(join(house, 'docs'))) {
    if (page.endsWith('.md') && page !== 'errors.md') await writeFile(join(house, 'docs', page), '')
  }
})
afterEach(() => rm(house, { recursive: true, force: true }))

function breaches(): string[] {
  const workspace = readWorkspace(house)
  return [checkLayout, checkMetadata, checkBoundaries, checkWords, checkWorkflows, checkLimits].flatMap((check) => check(workspace)).map(({ file, message }) => `${file}: ${message}`)
}

async function edit(file: string, change: (text: string) => string): Promise<void> {
  const path = join(house, file)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, change(await readFile(path, 'utf8').catch(() => '')))
}

test('the house as it is keeps its rules', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'scripts/dist/check-house.js')])
  expect(stdout).toContain('keep the rules of the house')
})

test('an unbroken copy has no breach', () => expect(breaches()).toEqual([]))

const source = (line: string) => (text: string) => `${line}\n${text}`

test.each<[string, string, (text: string) => string, string]>([
  ['core imports a package', 'packages/core/src/lib/clock.ts', source("import { x } from 'lodash'"), 'core imports only node: modules'],
  ['a package imports against the direction', 'packages/probes/src/lib/extra.ts', source("import type { X } from '@lameduck/http'"), 'against the direction'],
  ['a package reaches into another', 'packages/probes/src/lib/extra.ts', source("import { x } from '@lameduck/core/lib/clock.js'"), 'only the public entry'],
  ['an import is not declared', 'packages/probes/src/lib/extra.ts', source("import { x } from 'lodash'"), 'does not declare'],
  ['a second file ends the process', 'packages/core/src/lib/clock.ts', source('process.exit(1)'), 'ends a process'],
  ['a default export', 'packages/probes/src/lib/extra.ts', source('export default 1'), 'default export'],
  ['everything is re-exported', 'packages/probes/src/index.ts', source("export * from './lib/extra.ts'"), 're-exports everything'],
  ['an await at the top level', 'packages/probes/src/lib/extra.ts', source('await x()'), 'awaits at the top level'],
  ['code in a public entry', 'packages/probes/src/index.ts', source('export function x(): void {}'), 'is a public entry'],
  ['a barrel', 'packages/probes/src/lib/extra.ts', source("export { x } from './y.ts'"), 'is a barrel'],
  ['a file named after nothing', 'packages/probes/src/lib/utils.ts', source('export const x = 1'), 'named after nothing'],
  ['a file that tells several stories', 'packages/probes/src/lib/extra.ts', () => '\n'.repeat(301), 'above 300'],
  ['a stray file at the top', 'notes.txt', source('x'), 'not part of the top level'],
  ['a decision without its number', 'decisions/why.md', source('x'), 'should begin with'],
  ['another licence', 'packages/probes/package.json', (text) => text.replace('"MIT"', '"ISC"'), 'license must be MIT'],
  ['another version', 'packages/probes/package.json', (text) => text.replace('"version": "', '"version": "9'), 'version must be'],
  ['core as a plain dependency', 'packages/probes/package.json', (text) => text.replace('"peerDependencies"', '"dependencies"'), 'core must be a peer'],
  ['an export without its source', 'packages/probes/package.json', (text) => text.replace('"@lameduck/source": "./src/index.ts",', ''), 'exports["."] must be'],
  ['a README without its sections', 'packages/probes/README.md', (text) => text.replace('## What it does not do', '## Limits'), 'has no section'],
  ['an error code nobody explains', 'packages/core/src/lib/errors.ts', (text) => text.replace("'wrong-state',", "'wrong-state', 'new-code',"), 'new-code'],
  ['a placeholder', 'docs/errors.md', source('<TABLE>'), 'still has the placeholder <TABLE>'],
  ['a link to nowhere on the released branch', 'packages/probes/README.md', (text) => `${text}\n[x](${pages}docs/nowhere.md)\n`, 'which does not exist'],
  ['a link out of the tarball', 'packages/probes/README.md', (text) => `${text}\n[x](../../docs/errors.md)\n`, 'links out of its tarball'],
  ['a manifest that is of another repository', 'packages/probes/package.json', (text) => text.replaceAll('packages/probes', 'packages/core'), 'repository must be'],
  ['an action named by its tag', '.github/workflows/ci.yml', (text) => text.replace(/checkout@.*/, 'checkout@v7'), 'name it by its full commit'],
  ['a commit without its version', '.github/workflows/ci.yml', (text) => text.replace(/ # v.*/, ''), 'with the version behind it'],
  ['a checkout that leaves its token', '.github/workflows/ci.yml', (text) => text.replace('persist-credentials: false', 'fetch-depth: 1'), 'credentials that stay'],
  ['a workflow with more rights than reading', '.github/workflows/ci.yml', (text) => text.replace('contents: read', 'contents: write'), 'must begin with'],
  ['a second job that may publish', '.github/workflows/release.yml', (text) => text.replaceAll('contents: write', 'id-token: write'), 'more than one job publish'],
  ['a limit that is another one in the code', 'docs/limits.md', () => '| texts | 3,000 characters | [`longestText`](../packages/core/src/lib/foreign-text.ts) |\n', 'it is 2000 in'],
  ['a limit that the code has not', 'docs/limits.md', () => '| texts | 2,000 characters | [`longestWord`](../packages/core/src/lib/foreign-text.ts) |\n', 'it is not there in'],
  ['a link to nowhere', 'docs/errors.md', source('[x](nowhere.md)'), 'which does not exist'],
])('%s is a breach', async (_what, file, change, message) => {
  await edit(file, change)
  expect(breaches().join('\n')).toContain(message)
})
