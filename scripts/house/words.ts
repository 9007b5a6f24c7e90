import { existsSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { pages } from './origin.ts'
import { filesBelow, type Breach, type Package, type Workspace } from './workspace.ts'

/** Every package's README answers the same questions in the same order. */
export function checkWords(workspace: Workspace): Breach[] {
  return [...workspace.packages.flatMap((pkg) => checkReadme(workspace, pkg)), ...checkErrorDocs(workspace), ...checkLinks(workspace), ...checkPlaceholders(workspace)]
}

function checkReadme({ read, at }: Workspace, { folder, short }: Package): Breach[] {
  const file = join(folder, 'README.md')
  if (!existsSync(file)) return []
  const text = read(file)
  const breaches: string[] = []
  if (!text.startsWith(`# @lameduck/${short}\n`)) breaches.push(`must begin with "# @lameduck/${short}"`)
  let from = 0
  for (const section of ['## Install', '## Use', '## What it does not do']) {
    const found = text.indexOf(`\n${section}\n`, from)
    if (found < 0) breaches.push(`has no section "${section}", or not in its place`)
    else from = found
  }
  if (!/```ts\n/.test(text)) breaches.push('has no TypeScript snippet')
  if (!filesBelow(join(folder, 'test')).concat(filesBelow(join(folder, 'src'))).some((each) => each.endsWith('readme.test.ts'))) {
    breaches.push('is not run: a test named readme.test.ts must execute its snippet')
  }
  // npm shows the README, and the tarball has it; neither has what is outside of the package.
  for (const [, target] of text.matchAll(/\]\((\.\.\/[^)\s]*)/g)) breaches.push(`links out of its tarball, to ${target}: write ${pages}… instead`)
  return breaches.map((message) => ({ file: at(file), message }))
}

/** The error codes in the code and in the documentation are the same list. */
function checkErrorDocs({ root, read }: Workspace): Breach[] {
  const source = read(join(root, 'packages/core/src/lib/errors.ts'))
  const list = /lifecycleErrorCodes = \[([^\]]*)\]/.exec(source)?.[1] ?? ''
  const codes = [...list.matchAll(/'([^']+)'/g)].map((match) => match[1] as string).toSorted()
  const file = 'docs/errors.md'
  if (!existsSync(join(root, file))) return [{ file, message: 'is missing' }]
  const documented = [...read(join(root, file)).matchAll(/^## `([^`]+)`/gm)].map((match) => match[1] as string).toSorted()
  return JSON.stringify(codes) === JSON.stringify(documented)
    ? []
    : [{ file, message: `documents ${documented.join(', ')}; the code has ${codes.join(', ')}` }]
}

/** What was to be filled in later is filled in. */
function checkPlaceholders({ root, read, at }: Workspace): Breach[] {
  return documentsOf(root).flatMap((file) => [...read(file).matchAll(/^<[A-Z]+>$/gm)].map(([placeholder]) => ({ file: at(file), message: `still has the placeholder ${placeholder}` })))
}

/** A link to a page of this repository leads somewhere. */
function checkLinks({ root, read, at }: Workspace): Breach[] {
  return documentsOf(root).flatMap((file) =>
    [...read(file).replaceAll(`](${pages}`, `](${relative(dirname(file), root) || '.'}/`).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
      .map((match) => match[1] as string)
      .filter((target) => !existsSync(join(dirname(file), target)))
      .map((target) => ({ file: at(file), message: `links to ${target}, which does not exist` })),
  )
}

function documentsOf(root: string): string[] {
  return filesBelow(root).filter((file) => file.endsWith('.md') && !file.includes('CHANGELOG'))
}
