import { existsSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Breach, Workspace } from './workspace.ts'

const topLevel = [
  '.changeset', '.ci', '.github', '.gitignore', '.oxlintrc.json', 'CONTRIBUTING.md', 'LICENSE', 'README.md', 'SECURITY.md', 'apps', 'decisions', 'docs', 'knip.json',
  'package.json', 'packages', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', 'scripts', 'smoke', 'tsconfig.base.json', 'tsconfig.json', 'turbo.json', 'vitest.config.ts',
]
const ignored = ['.cache', '.git', '.turbo', 'node_modules', 'tsconfig.test.json']
const nameless = /^(utils?|helpers?|common|misc|shared|lib)\.ts$/

/** A newcomer finds every concern from the folder names; so nothing lies about, and no file is named after nothing. */
export function checkLayout({ root, packages, at, read }: Workspace): Breach[] {
  const breaches: Breach[] = []
  for (const entry of readdirSync(root)) {
    if (!topLevel.includes(entry) && !ignored.includes(entry)) {
      breaches.push({ file: entry, message: 'is not part of the top level; put it where its concern lives, or add it to scripts/house/layout.ts' })
    }
  }
  for (const { folder, sources } of packages) {
    for (const wanted of ['README.md', 'tsconfig.json', 'src/index.ts']) {
      if (!existsSync(join(folder, wanted))) breaches.push({ file: at(join(folder, wanted)), message: 'is missing' })
    }
    for (const file of sources) {
      if (nameless.test(basename(file))) breaches.push({ file: at(file), message: 'is named after nothing: name it after its main export' })
      const lines = read(file).split('\n').length
      if (lines > 300) breaches.push({ file: at(file), message: `has ${lines} lines; above 300 a file tells more than one story` })
    }
  }
  const decisions = readdirSync(join(root, 'decisions')).toSorted()
  for (const [index, file] of decisions.entries()) {
    if (!file.startsWith(`${String(index + 1).padStart(3, '0')}-`)) {
      breaches.push({ file: `decisions/${file}`, message: `should begin with ${String(index + 1).padStart(3, '0')}-: decisions are numbered without gaps` })
    }
  }
  return breaches
}
